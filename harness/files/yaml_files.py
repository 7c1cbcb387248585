"""Which YAML files there are: the same for every command and for pytest. None is left out without an error."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from harness.errors import InvalidInput, LivefireError, Position

SUFFIX = ".expect.yaml"  # how the name of a file of expectations ends
_ENDINGS = (".yaml", ".yml")


def yaml_files(paths: Iterable[Path]) -> tuple[list[Path], list[LivefireError]]:
    """The YAML files among these paths and below these folders, in order, and a mistake for each unreadable path.

    A link to a folder is followed. Hidden folders below the given ones (`.git`, `.venv`) are not searched. Only names
    are checked here: opening a dangling link or a FIFO raises its error.
    """
    files: dict[Path, None] = {}
    problems: list[LivefireError] = []
    for path in paths:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            problems.append(InvalidInput("there is no such file or folder", at=Position(path)))
        except OSError as error:
            problems.append(_unreadable(error, path))
        else:
            files |= dict.fromkeys(sorted(_below(path, problems)) if is_folder else [path])
    return list(files), problems


def looks_like_expectations(path: Path) -> bool:
    """Whether a file is named as expectations are, or nearly so."""
    return path.name.lower().endswith(tuple(f".expect{ending}" for ending in _ENDINGS))


def is_expectations(path: Path) -> bool:
    """Whether a file holds expectations, by its name. Raises InvalidInput for a name that is nearly right."""
    if path.name.endswith(SUFFIX):
        return True
    if looks_like_expectations(path):
        message = f"expectations are called NAME{SUFFIX}, so this file would be ignored"
        raise InvalidInput(message, at=Position(path), hint="Rename it.")
    return False


def _below(folder: Path, problems: list[LivefireError]) -> list[Path]:
    files = []
    known = {_identity(folder)}  # a link may lead to a parent folder, or to one that was already searched

    def refuse(error: OSError) -> None:
        problems.append(_unreadable(error, folder))

    for root, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        files += [Path(root) / name for name in names if name.lower().endswith(_ENDINGS)]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in list(folders):
            identity = _identity(Path(root) / name)
            if identity and identity in known:
                folders.remove(name)
            known.add(identity)
    return files


def _identity(folder: Path) -> tuple[int, int] | None:
    """The device and inode of a folder; None where they can't be read: opening it raises the error."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _unreadable(error: OSError, path: Path) -> InvalidInput:
    where = Path(os.fsdecode(error.filename)) if error.filename is not None else path
    return InvalidInput(f"cannot be read: {error.strerror}", at=Position(where))
