"""Reading a file of atomic tests: upstream ones load unchanged."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InvalidFiles, InvalidInput, LivefireError
from harness.files.yaml_reading import load_yaml
from harness.model.atomic import PLACEHOLDER, Atomic, AtomicFile, slug
from harness.model.source import YamlSource, did_you_mean, unknown_keys


def load_atomics(path: Path) -> list[Atomic]:
    """The tests of one file. Raises InvalidInput or InvalidFiles with positions."""
    return atomics_in(load_yaml(path))


def atomics_in(source: YamlSource) -> list[Atomic]:
    """The tests in a parsed YAML file. Raises InvalidFiles with positions."""
    parsed = source.parse(AtomicFile)
    atomics = [
        Atomic(f"{parsed.attack_technique}/{slug(test.name)}", parsed.attack_technique, test, source.path)
        for test in parsed.atomic_tests
    ]
    problems = _placeholder_problems(source, atomics)
    seen: dict[str, int] = {}
    for index, atomic in enumerate(atomics):
        if atomic.id in seen:
            at = source.at(("atomic_tests", index, "name"))
            problems.append(InvalidInput(f"two tests are named '{atomic.name}'", at=at))
        seen[atomic.id] = index
    if problems:
        raise InvalidFiles(problems)
    return atomics


def atomic_keys(source: YamlSource) -> list[LivefireError]:
    """A mistake for each key of a file of atomics that the schema lacks, which loading ignores."""
    return unknown_keys(source, AtomicFile)


def _placeholder_problems(source: YamlSource, atomics: list[Atomic]) -> list[LivefireError]:
    problems: list[LivefireError] = []
    for index, atomic in enumerate(atomics):
        texts = {("executor", key): getattr(atomic.executor, key) for key in ("command", "cleanup_command")}
        for number, dependency in enumerate(atomic.test.dependencies):
            for key in ("prereq_command", "get_prereq_command"):
                texts["dependencies", number, key] = getattr(dependency, key)  # type: ignore[index]
        known = sorted(atomic.test.input_arguments)
        for where, text in texts.items():
            for name in PLACEHOLDER.findall(text or ""):
                if name not in known:
                    at = source.at(("atomic_tests", index, *where))
                    hint = did_you_mean(name, known) if known else "This test has no input_arguments."
                    problems.append(InvalidInput(f"'#{{{name}}}' is not an input argument", at=at, hint=hint))
    return problems
