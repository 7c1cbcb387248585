"""The catalog: which atomics and expectations lie on disk, and which of them are meant."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from harness.errors import InvalidFiles, InvalidInput, LivefireError, NothingSelected, Position
from harness.model.atomic import Atomic, atomic_keys, load_atomics
from harness.model.expectation import SUFFIX, Expectation, load_expectations
from harness.model.rule import Rule, load_rule, rule_keys
from harness.model.yaml_source import did_you_mean, load_yaml

T = TypeVar("T")


def find_atomics(paths: Iterable[Path]) -> list[Atomic]:
    """Every atomic in these files and below these folders, no two of one id or GUID.

    Raises InvalidFiles with all mistakes at once.
    """
    files = {path.resolve(): path for path in _yaml_files(paths) if _is_atomics(path)}
    atomics = _load(files.values(), load_atomics)
    require_unique(atomics)
    return atomics


def find_expectations(paths: Iterable[Path]) -> list[Expectation]:
    """Every expectation in these files and below these folders. Raises InvalidFiles with all mistakes at once."""
    return _load([path for path in _yaml_files(paths) if is_expectations(path)], load_expectations)


def find_rules(paths: Iterable[Path]) -> list[Rule]:
    """Every rule in these files and below these folders. Raises InvalidFiles with all mistakes at once.

    A file that is neither a rule, nor atomics, nor expectations is a mistake.
    """
    others = [path for path in _yaml_files(paths) if not is_expectations(path) and not _is_atomics(path)]
    return _load(others, lambda path: [_rule_of(path)])


def rules_beside(paths: Iterable[Path]) -> list[Rule]:
    """Every rule in these files and below these folders; YAML that is none, as the folder may hold, is passed over."""
    found = []
    for path in _yaml_files(paths):
        if not path.name.endswith(SUFFIX):
            data = load_yaml(path).data
            found += [load_rule(path)] if isinstance(data, dict) and "query" in data else []
    return found


def check_keys(paths: Iterable[Path]) -> list[LivefireError]:
    """A mistake for each misspelt key of an atomic or a rule, which loading them ignores."""
    problems: list[LivefireError] = []
    for path in _yaml_files(paths):
        if not path.name.endswith(SUFFIX):  # of expectations every key must be known
            check = atomic_keys if _is_atomics(path) else rule_keys
            problems += check(load_yaml(path))
    return problems


def _rule_of(path: Path) -> Rule:
    source = load_yaml(path)
    if isinstance(source.data, dict) and "query" in source.data:
        return load_rule(path)
    hint = f"A rule has a query; atomics begin with attack_technique; expectations are called NAME{SUFFIX}."
    raise InvalidInput("neither atomics, nor a rule, nor expectations", at=source.at(()), hint=hint)


def select(atomics: Sequence[Atomic], selectors: Sequence[str]) -> list[Atomic]:
    """The atomics that any of the selectors means, in the order of the catalog; all of them without a selector.

    A selector is a technique (and its sub-techniques), an atomic's id, a GUID, or the path of its file or folder.
    Raises NothingSelected for a selector that means nothing.
    """
    chosen: set[str] = set()
    for selector in selectors:
        found = {atomic.id for atomic in atomics if _matches(atomic, selector)}
        if not found:
            known = sorted({a.id for a in atomics} | {a.technique for a in atomics})
            hint = did_you_mean(selector, known) if known else "There are no atomics here."
            hint += " `livefire list` shows all." if len(known) > 1 else ""
            raise NothingSelected(f"'{selector}' selects no atomic", hint=hint)
        chosen |= found
    found_atomics = [atomic for atomic in atomics if not selectors or atomic.id in chosen]
    if not found_atomics:
        raise NothingSelected("there are no atomics here", hint="Name their folder with --atomics PATH.")
    return found_atomics


def check_atomics_known(expectations: Iterable[Expectation], atomics: Iterable[Atomic]) -> list[LivefireError]:
    """A mistake for each expectation that names an atomic which does not exist."""
    known = sorted(atomic.id for atomic in atomics)
    return [
        InvalidInput(f"there is no atomic '{e.atomic}'", at=e.at("atomic"), hint=did_you_mean(e.atomic, known))
        for e in expectations
        if e.atomic not in known
    ]


def require_unique(atomics: Iterable[Atomic]) -> None:
    """Raise InvalidFiles for atomics of one id or GUID: they would share a slice, and one be proven by the other's."""
    problems: list[LivefireError] = []
    taken: dict[str, Atomic] = {}
    for atomic in atomics:
        for what, key in (("id", atomic.id), ("GUID", atomic.guid.lower())):
            other = taken.setdefault(f"{what} {key}", atomic) if key else atomic
            if other is not atomic:
                said = f"{atomic.id}: {other.source} has an atomic of the {what} {key}, too"
                hint = "Give it a name of its own, and a new GUID (uuidgen)."
                problems.append(InvalidInput(said, at=Position(atomic.source), hint=hint))
                break
    if problems:
        raise InvalidFiles(problems)


def _matches(atomic: Atomic, selector: str) -> bool:
    if selector.lower() in (atomic.id.lower(), atomic.guid.lower(), atomic.technique.lower()):
        return True
    if atomic.technique.lower().startswith(f"{selector.lower()}."):
        return True
    path = Path(selector)
    return path.exists() and atomic.source.resolve().is_relative_to(path.resolve())


def _yaml_files(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found |= dict.fromkeys(sorted(_below(path)))
        elif path.exists():
            found[path] = None
        else:
            raise InvalidInput("there is no such file or folder", at=Position(path))
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    """The YAML files below a folder. Raises InvalidInput for a folder that can't be read: it would be passed over."""

    def refuse(error: OSError) -> None:
        raise InvalidInput(f"cannot be read: {error.strerror}", at=Position(Path(str(error.filename))))

    for root, _, names in os.walk(folder, onerror=refuse):
        yield from (Path(root) / name for name in names if name.lower().endswith((".yaml", ".yml")))


def is_expectations(path: Path) -> bool:
    """Whether a file holds expectations, by its name. Raises InvalidInput for a name that only looks like theirs."""
    if path.name.endswith(SUFFIX):
        return True
    if path.name.lower().endswith((SUFFIX, SUFFIX.replace(".yaml", ".yml"))):
        raise InvalidInput(
            f"expectations are called NAME{SUFFIX}, and this would be passed over", at=Position(path), hint="Rename it."
        )
    return False


def _is_atomics(path: Path) -> bool:
    """Whether a YAML file is meant to hold atomics. One that is not YAML at all is, so that the mistake is said."""
    if is_expectations(path):
        return False
    data = load_yaml(path).data
    return isinstance(data, dict) and bool({"attack_technique", "atomic_tests"} & data.keys())


def _load(files: Iterable[Path], load: Callable[[Path], list[T]]) -> list[T]:
    found: list[T] = []
    problems: list[LivefireError] = []
    for file in files:
        try:
            found += load(file)
        except InvalidFiles as error:
            problems += error.problems
        except InvalidInput as error:
            problems.append(error)
    if problems:
        raise InvalidFiles(problems)
    return found
