"""The catalog: which atomics, rules and expectations lie on disk, and which of them a selector means.

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
    """The expectations in some folders, and the rules there without any."""

    expectations: list[Expectation]
    rules_without: list[Rule]


def find_atomics(paths: Iterable[Path], read: Read | None = None) -> list[Atomic]:
    """Every atomic in these files and below these folders; no two have one id or GUID.

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
    """Every expectation there, and every rule there without one, each file read once. Other YAML is ignored.

    Raises InvalidFiles with all mistakes at once.
    """
    opened, others = read or ReadOnce(), list[Path]()

    def load(path: Path) -> list[Expectation]:
        if is_expectations(path):
            return load_expectations(path, read=opened)
        others.append(path)
        return []

    files, problems = yaml_files(paths)
    expectations = _loaded(files, load, problems)
    expected = {expectation.rule.path.resolve() for expectation in expectations}
    candidates = [path for path in others if path.resolve() not in expected]
    rules = _loaded(candidates, lambda path: [rule] if (rule := _rule_of(opened(path))) else [], problems)
    _refuse(problems)
    return Expected(expectations, rules)


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
        if not looks_like_expectations(path):  # loading expectations refuses unknown keys
            check = atomic_keys if _is_atomics(path, read) else rule_keys
            problems += check(read(path))
    return problems


def select(atomics: Sequence[Atomic], selectors: Sequence[str]) -> list[Atomic]:
    """The atomics that any selector means, in the order of the catalog; all of them without a selector.

    A selector is a technique (and its sub-techniques), an atomic's id, a GUID, or the path of its file or folder.
    Raises NothingSelected for a selector that matches no atomic, and where there are no atomics.
    """
    chosen: set[str] = set()
    for selector in selectors:
        matching = {atomic.id for atomic in atomics if _matches(atomic, selector)}
        if not matching:
            known = sorted({a.id for a in atomics} | {a.technique for a in atomics})
            hint = did_you_mean(selector, known) if known else "There are no atomics here."
            hint += " `livefire list` shows all." if len(known) > 1 else ""
            raise NothingSelected(f"'{selector}' selects no atomic", hint=hint)
        chosen |= matching
    selected = [atomic for atomic in atomics if not selectors or atomic.id in chosen]
    if not selected:
        raise NothingSelected("there are no atomics here", hint="Name their folder with --atomics PATH.")
    return selected


def check_atomics_known(expectations: Iterable[Expectation], atomics: Iterable[Atomic]) -> list[LivefireError]:
    """A mistake for each expectation of an unknown atomic."""
    known = sorted(atomic.id for atomic in atomics)
    return [
        InvalidInput(f"there is no atomic '{e.atomic}'", at=e.at("atomic"), hint=did_you_mean(e.atomic, known))
        for e in expectations
        if e.atomic not in known
    ]


def require_unique(atomics: Iterable[Atomic]) -> None:
    """Raise InvalidFiles for two atomics of one id or GUID: the evidence of one would prove the other."""
    problems: list[LivefireError] = []
    taken: dict[str, Atomic] = {}
    for atomic in atomics:
        for what, key in (("id", atomic.id), ("GUID", atomic.guid.lower())):
            first = taken.setdefault(f"{what} {key}", atomic) if key else atomic
            if first is not atomic:
                message = f"{atomic.id}: {first.source} has an atomic of the {what} {key}, too"
                hint = "Give it a name of its own, and a new GUID (uuidgen)."
                problems.append(InvalidInput(message, at=Position(atomic.source), hint=hint))
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
    """Whether a YAML file holds atomics, by its keys. Raises InvalidInput for a file that is no YAML."""
    if is_expectations(path):
        return False
    data = read(path).data
    return isinstance(data, dict) and bool({"attack_technique", "atomic_tests"} & data.keys())


def _rule_of(source: YamlSource) -> Rule | None:
    """The rule in a YAML file; None for any other YAML. Raises InvalidInput for a rule with a mistake."""
    return rule_in(source) if isinstance(source.data, dict) and "query" in source.data else None


def _load(paths: Iterable[Path], load: Callable[[Path], list[T]]) -> list[T]:
    """What `load` returns for each YAML file. Raises InvalidFiles with every mistake."""
    files, problems = yaml_files(paths)
    items = _loaded(files, load, problems)
    _refuse(problems)
    return items


def _loaded(files: Iterable[Path], load: Callable[[Path], list[T]], problems: list[LivefireError]) -> list[T]:
    items: list[T] = []
    for file in files:
        try:
            items += load(file)
        except InvalidFiles as error:
            problems += error.problems
        except InvalidInput as error:
            problems.append(error)
    return items


def _refuse(problems: Iterable[LivefireError]) -> None:
    if every := list(
        {str(problem): problem for problem in problems}.values()
    ):  # a rule with a mistake may be loaded twice
        raise InvalidFiles(every)
