"""The catalog: which atomics and expectations lie on disk, and which of them are meant.

A command that looks for several things gives each search the same `ReadOnce`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.errors import InvalidFiles, InvalidInput, LivefireError, NothingSelected, Position
from harness.files.atomic_file import atomic_keys, atomics_in
from harness.files.expectation_file import load_expectations
from harness.files.read_once import Read, ReadOnce
from harness.files.rule_file import rule_in, rule_keys
from harness.files.yaml_files import SUFFIX, is_expectations, looks_like_expectations, yaml_files
from harness.model.atomic import Atomic
from harness.model.expectation import Expectation
from harness.model.rule import Rule
from harness.model.source import YamlSource, did_you_mean

T = TypeVar("T")


@dataclass(frozen=True)
class Expected:
    """What is expected in some folders, and the rules there of which nothing is."""

    expectations: list[Expectation]
    rules_without: list[Rule]


def find_atomics(paths: Iterable[Path], read: Read | None = None) -> list[Atomic]:
    """Every atomic in these files and below these folders, no two of one id or GUID.

    Raises InvalidFiles with all mistakes at once.
    """
    opened, loaded = read or ReadOnce(), set[Path]()

    def load(path: Path) -> list[Atomic]:
        if not _is_atomics(path, opened) or path.resolve() in loaded:
            return []
        loaded.add(path.resolve())
        return atomics_in(opened(path))

    atomics = _load(paths, load)
    require_unique(atomics)
    return atomics


def find_expectations(paths: Iterable[Path], read: Read | None = None) -> list[Expectation]:
    """Every expectation in these files and below these folders. Raises InvalidFiles with all mistakes at once."""
    opened = read or ReadOnce()
    return _load(paths, lambda path: load_expectations(path, read=opened) if is_expectations(path) else [])


def find_expected(paths: Iterable[Path], read: Read | None = None) -> Expected:
    """The same, and every rule there of which nothing is expected, each file read once. Other YAML is passed over.

    Raises InvalidFiles with all mistakes at once.
    """
    opened, others = read or ReadOnce(), list[Path]()

    def load(path: Path) -> list[Expectation]:
        if is_expectations(path):
            return load_expectations(path, read=opened)
        others.append(path)
        return []

    files, problems = yaml_files(paths)
    found = _each(files, load, problems)
    expected = {each.rule.path.resolve() for each in found}
    rest = [path for path in others if path.resolve() not in expected]
    rules = _each(rest, lambda path: [rule] if (rule := _rule_of(opened(path))) else [], problems)
    _refuse(problems)
    return Expected(found, rules)


def find_rules(paths: Iterable[Path], read: Read | None = None) -> list[Rule]:
    """Every rule in these files and below these folders. Raises InvalidFiles with all mistakes at once.

    A file that is neither a rule, nor atomics, nor expectations is a mistake.
    """

    opened = read or ReadOnce()

    def load(path: Path) -> list[Rule]:
        if is_expectations(path) or _is_atomics(path, opened):
            return []
        source = opened(path)
        rule = _rule_of(source)
        if rule is None:
            hint = f"A rule has a query; atomics begin with attack_technique; expectations are called NAME{SUFFIX}."
            raise InvalidInput("neither atomics, nor a rule, nor expectations", at=source.at(()), hint=hint)
        return [rule]

    return _load(paths, load)


def check_keys(paths: Iterable[Path], read: Read | None = None) -> list[LivefireError]:
    """A mistake for each misspelt key of an atomic or a rule, which loading them ignores."""
    read, problems = read or ReadOnce(), list[LivefireError]()
    for path in yaml_files(paths)[0]:
        if not looks_like_expectations(path):  # of expectations every key must be known
            check = atomic_keys if _is_atomics(path, read) else rule_keys
            problems += check(read(path))
    return problems


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


def _is_atomics(path: Path, read: Read) -> bool:
    """Whether a YAML file is meant to hold atomics. One that is not YAML at all is, so that the mistake is said."""
    if is_expectations(path):
        return False
    data = read(path).data
    return isinstance(data, dict) and bool({"attack_technique", "atomic_tests"} & data.keys())


def _rule_of(source: YamlSource) -> Rule | None:
    """The rule in a YAML file; None where it is something else. Raises InvalidInput for a rule with a mistake."""
    return rule_in(source) if isinstance(source.data, dict) and "query" in source.data else None


def _load(paths: Iterable[Path], load: Callable[[Path], list[T]]) -> list[T]:
    """What `load` makes of each YAML file. Raises InvalidFiles with every mistake."""
    files, problems = yaml_files(paths)
    found = _each(files, load, problems)
    _refuse(problems)
    return found


def _each(files: Iterable[Path], load: Callable[[Path], list[T]], problems: list[LivefireError]) -> list[T]:
    found: list[T] = []
    for file in files:
        try:
            found += load(file)
        except InvalidFiles as error:
            problems += error.problems
        except InvalidInput as error:
            problems.append(error)
    return found


def _refuse(problems: Iterable[LivefireError]) -> None:
    if every := list({str(each): each for each in problems}.values()):  # a rule with a mistake may have been read twice
        raise InvalidFiles(every)
