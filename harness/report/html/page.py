"""The page: what the templates are given, and how they are filled in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.model.result import AtomicResult, Result
from harness.model.verdict import ExitCode, Verdict
from harness.report.describe import alert_lines, details
from harness.report.html import figures
from harness.report.html.heat_map import KINDS, HeatMap, heat_map
from harness.report.html.subject import Subject, flag_text, flag_wrong, headline, short, signals, subjects, tone
from harness.report.html.timeline import Timeline, timeline
from harness.report.text import visible

_TEMPLATES = Path(__file__).with_name("templates")
_OUTCOMES = {
    ExitCode.AS_EXPECTED: ("ok", "As expected"),
    ExitCode.UNMET: ("bad", "Not as expected"),
    ExitCode.INCONCLUSIVE: ("off", "Inconclusive"),
    ExitCode.LAB_UNAVAILABLE: ("off", "Nothing was judged"),
}
_GRAVITY = (
    Verdict.RULE_SILENT,
    Verdict.WRONG_FLAGS,
    Verdict.UNEXPECTED_ALERT,
    Verdict.NO_TELEMETRY,
    Verdict.NOT_EXECUTED,
    Verdict.INCONCLUSIVE,
)


@dataclass(frozen=True)
class Unmet:
    """A result that is not as expected, and all the rules under which it is the same."""

    anchor: str
    result: AtomicResult
    rules: list[str]


@dataclass(frozen=True)
class Chapter:
    """All that the page tells of one recording. `prefix` begins its anchors."""

    prefix: str
    result: Result
    attacks: list[Subject]
    benign: list[Subject]
    variants: list[Subject]
    heat: HeatMap
    times: Timeline | None

    @property
    def outcome(self) -> tuple[str, str]:
        """The exit code as a tone and in words."""
        return _OUTCOMES.get(self.result.exit_code, ("bad", "Not as expected"))

    @property
    def counts(self) -> list[tuple[Verdict, int]]:
        """How often each verdict was given."""
        counts = Counter(each.verdict for each in self.result.results)
        return [(verdict, counts[verdict]) for verdict in Verdict if counts[verdict]]

    @property
    def unmet(self) -> list[Unmet]:
        """What is not as expected, without what was skipped: atomics before variants, the rules' failings first."""
        found: list[Unmet] = []
        for subject in self._all:
            alike: dict[tuple[Verdict, str], Unmet] = {}
            for row in subject.rows:
                each = row.result
                if each.verdict in _GRAVITY:
                    alike.setdefault((each.verdict, each.reason), Unmet(subject.anchor, each, [])).rules.append(
                        each.rule
                    )
            found += alike.values()
        return sorted(found, key=lambda each: (bool(each.result.variant), _GRAVITY.index(each.result.verdict)))

    @property
    def skipped(self) -> list[Subject]:
        """What could not be run."""
        return [subject for subject in self._all if subject.first.verdict is Verdict.SKIPPED]

    @property
    def families(self) -> dict[str, list[Subject]]:
        """The variants by family."""
        found: dict[str, list[Subject]] = {}
        for subject in self.variants:
            if subject.first.variant:
                found.setdefault(subject.first.variant.family, []).append(subject)
        return found

    @property
    def _all(self) -> list[Subject]:
        return [*self.attacks, *self.benign, *self.variants]


def to_html(results: Sequence[Result]) -> str:
    """The page for these results."""
    chapters = [_chapter(result, f"r{number}") for number, result in enumerate(results, 1)]
    return _environment().get_template("page.html.j2").render(chapters=chapters)


def write_html(results: Sequence[Result], path: Path) -> None:
    """Write the page to a file. What UTF-8 can't hold (half a surrogate pair) is written as an escape."""
    path.write_bytes(to_html(results).encode("utf-8", "backslashreplace"))


def _chapter(result: Result, prefix: str) -> Chapter:
    every = subjects(result, prefix)
    variants = [subject for subject in every if subject.first.variant]
    benign = [subject for subject in every if subject.first.benign]
    attacks = [subject for subject in every if not subject.first.variant and not subject.first.benign]
    times = timeline([*attacks, *benign])
    return Chapter(prefix, result, attacks, benign, variants, heat_map(variants), times)


@cache
def _environment() -> Environment:
    """Whatever a template prints becomes harmless text: control characters by `visible`, markup by escaping."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    for function in (figures.percent, figures.points, short, tone, headline, details, alert_lines, signals):
        environment.filters[function.__name__] = function
    environment.globals.update(
        figures=figures, flag_text=flag_text, flag_wrong=flag_wrong, kinds=KINDS, newline=Markup("\n")
    )
    return environment


def _finalize(value: object) -> object:
    """Text as it may be shown; what a macro has made of text is that already."""
    return value if hasattr(value, "__html__") else visible("-" if value is None else value)
