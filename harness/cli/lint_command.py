"""`livefire lint`: check atomics, rules and expectations for mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from harness.cli.file_requests import Lint
from harness.cli.options import ATOMICS, EXPECTATIONS
from harness.errors import InvalidFiles, LivefireError, NothingSelected
from harness.evasion.variant_choice import check_pins
from harness.files.catalog import check_atomics_known, check_keys, find_atomics, find_expectations, find_rules
from harness.files.read_once import ReadOnce
from harness.host.state_root import cache_root
from harness.judge.labs import check_labs
from harness.judge.lint import check, check_rules
from harness.kql.engine_choice import new_engine
from harness.kql.limits import Limits
from harness.kql.remembered import Remembered
from harness.model.atomic import Atomic
from harness.model.expectation import Expectation
from harness.model.rule import Rule
from harness.report.sarif import of_mistakes, write_sarif
from harness.report.terminal import Terminal
from harness.text import visible


@dataclass
class _Checked:
    """What was read, and the problems in it."""

    atomics: Sequence[Atomic] = ()
    rules: Sequence[Rule] = ()
    expectations: Sequence[Expectation] = ()
    problems: list[LivefireError] = field(default_factory=list)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note an error that ends the block, so that the next block still runs."""
        try:
            yield
        except LivefireError as error:
            self.problems.append(error)


def lint(request: Lint) -> None:
    """`livefire lint`. Raises InvalidFiles with every mistake, NothingSelected where there is nothing to check."""
    limits = request.limits
    seen = _check(request.paths or [path for path in (ATOMICS, EXPECTATIONS) if path.exists()], limits)
    for note in check_labs(seen.expectations)[1]:
        Terminal(stderr=True).print(Text(f"note: {visible(note)}"), soft_wrap=True)
    problems = list(
        {str(problem): problem for problem in seen.problems}.values()
    )  # several readers report the same one
    if request.sarif:
        write_sarif(of_mistakes(problems), request.sarif, "lint")
    if problems:
        raise InvalidFiles(problems)
    counts = {"atomic": len(seen.atomics), "rule": len(seen.rules), "expectation": len(seen.expectations)}
    if not any(counts.values()):
        raise NothingSelected("there is nothing to check here", hint="Name files or folders.")
    summary = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
    Terminal().print(f"{summary}: no mistakes found")


def _check(paths: list[Path], limits: Limits) -> _Checked:
    seen, read = _Checked(), ReadOnce()
    workspace = Remembered(new_engine(datetime.now(UTC), limits), _memory())
    with seen.noting():
        seen.atomics = find_atomics(paths, read)
    with seen.noting():
        seen.problems += check_keys(paths, read)
        seen.rules = find_rules(paths, read)
    with seen.noting():
        seen.expectations = find_expectations(paths, read)
        expected_of = {expectation.rule.path for expectation in seen.expectations}
        seen.problems += check_rules((rule for rule in seen.rules if rule.path not in expected_of), workspace)
        seen.problems += check(seen.expectations, workspace)
        if seen.atomics:
            seen.problems += check_atomics_known(seen.expectations, seen.atomics)
            seen.problems += check_pins(seen.expectations, seen.atomics)
    workspace.keep()
    return seen


def _memory() -> Path | None:
    """Where answers of the engine are kept for the next time; None for a user without a home."""
    try:
        return cache_root() / "lint.json"
    except RuntimeError:
        return None
