"""Which YAML files there are: the same for every command and for pytest, and nothing is passed over in silence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from harness.errors import InvalidInput, LivefireError, Position

SUFFIX = ".expect.yaml"  # how the name of a file of expectations ends
_ENDINGS = (".yaml", ".yml")


def yaml_files(paths: Iterable[Path]) -> tuple[list[Path], list[LivefireError]]:
    """The YAML files among these and below these folders, in order, and a mistake for each that can't be looked into.

    A link to a folder is followed. Hidden folders below the given ones are not searched: `.git`, `.venv`. A name is
    enough: whoever opens a dangling link or a FIFO is told what is wrong with it.
    """
    found: dict[Path, None] = {}
    problems: list[LivefireError] = []
    for path in paths:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            problems.append(InvalidInput("there is no such file or folder", at=Position(path)))
        except OSError as error:
            problems.append(_unreadable(error, path))
        else:
            found |= dict.fromkeys(sorted(_below(path, problems)) if is_folder else [path])
    return list(found), problems


def looks_like_expectations(path: Path) -> bool:
    """Whether a name is that of expectations, or nearly."""
    return path.name.lower().endswith(tuple(f".expect{ending}" for ending in _ENDINGS))


def is_expectations(path: Path) -> bool:
    """Whether a file holds expectations, by its name. Raises InvalidInput for a name that only looks like theirs."""
    if path.name.endswith(SUFFIX):
        return True
    if looks_like_expectations(path):
        said = f"expectations are called NAME{SUFFIX}, and this would be passed over"
        raise InvalidInput(said, at=Position(path), hint="Rename it.")
    return False


def _below(folder: Path, problems: list[LivefireError]) -> list[Path]:
    found = []
    known = {_identity(folder)}  # a link may lead to a folder above it, or to one that was searched

    def refuse(error: OSError) -> None:
        problems.append(_unreadable(error, folder))

    for root, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        found += [Path(root) / name for name in names if name.lower().endswith(_ENDINGS)]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in list(folders):
            identity = _identity(Path(root) / name)
            if identity and identity in known:
                folders.remove(name)
            known.add(identity)
    return found


def _identity(folder: Path) -> tuple[int, int] | None:
    """What a folder is, whatever leads to it; None where that can't be told: opening it will say why."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _unreadable(error: OSError, path: Path) -> InvalidInput:
    where = Path(os.fsdecode(error.filename)) if error.filename is not None else path
    return InvalidInput(f"cannot be read: {error.strerror}", at=Position(where))
