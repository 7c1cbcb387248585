"""The page: the data for the templates, and how they are rendered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.files.documents import write_document
from harness.files.read_once import Read, ReadOnce
from harness.model.atomic import short_id
from harness.model.duration import format_duration
from harness.model.history import History
from harness.model.mutants import Mutants
from harness.model.result import Result
from harness.model.schedule_result import ScheduleResult
from harness.model.verdict import GRAVITY, LETTERS, MEANINGS, ExitCode, Verdict
from harness.report import schedule_text
from harness.report.describe import alert_lines, tables_read
from harness.report.html import figures
from harness.report.html import nights_section as trends
from harness.report.html.chain import chain
from harness.report.html.heat_map import KINDS, HeatMap, heat_map
from harness.report.html.raw_section import LINE_BYTES, RawRecords, raw_records
from harness.report.html.rule_lines import RuleTexts
from harness.report.html.subject import (
    Subject,
    flag_text,
    flag_wrong,
    headline,
    seconds,
    signals,
    subjects,
    tone,
    truth,
)
from harness.report.html.timeline import ALERT_SHAPE, SENSOR_SHAPES, Timeline, timeline
from harness.report.html.unmet import Failing, failings
from harness.report.unjudged_text import by_kind
from harness.study.nights.flakes import flakes
from harness.study.nights.latency import timed
from harness.text import visible, visible_text

_TEMPLATES = Path(__file__).with_name("templates")
_OUTCOMES = {
    ExitCode.AS_EXPECTED: ("ok", "As expected"),
    ExitCode.UNMET: ("bad", "Not as expected"),
    ExitCode.INCONCLUSIVE: ("off", "Inconclusive"),
    ExitCode.LAB_UNAVAILABLE: ("off", "Nothing was judged"),
}
_FILTERS = (
    figures.percent,
    figures.points,
    short_id,
    tone,
    truth,
    headline,
    alert_lines,
    signals,
    seconds,
    chain,
    format_duration,
)


@dataclass(frozen=True)
class Additions:
    """What a page may hold beside results. Each addition has its own section, after those of the recordings."""

    mutations: Sequence[Mutants] = ()
    schedules: Sequence[ScheduleResult] = ()
    history: History | None = None

    @property
    def sections(self) -> dict[str, str]:
        """The titles of the sections that have content, by anchor, which is also the template's name."""
        titles = {
            "mutation": ("Mutation", self.mutations),
            "schedule": ("Schedule", self.schedules),
            "history": ("History", self.history),
        }
        return {name: title for name, (title, data) in titles.items() if data}


@dataclass(frozen=True)
class Chapter:
    """All that the page shows of one recording. Its anchors begin with `prefix`."""

    prefix: str
    result: Result
    attacks: list[Subject]
    benign: list[Subject]
    variants: list[Subject]
    heat: HeatMap
    times: Timeline | None
    failings: list[Failing]
    raw: RawRecords

    @property
    def outcome(self) -> tuple[str, str]:
        """The exit code as a tone and in words."""
        return _OUTCOMES.get(self.result.exit_code, ("bad", "Not as expected"))

    @property
    def detonated(self) -> str:
        """The times of the first and the last detonation; empty where they are not known."""
        times = sorted(row.latency.detonated for row in self.result.results if row.latency.detonated)
        if not times:
            return ""
        first, last = (time.strftime("%Y-%m-%d %H:%M:%S") for time in (times[0], times[-1]))
        return f"{first} UTC" if first == last else f"{first} to {last[11:] if first[:10] == last[:10] else last} UTC"

    @property
    def counts(self) -> list[tuple[Verdict, int]]:
        """How often each verdict was given."""
        counts = Counter(row.verdict for row in self.result.results)
        return [(verdict, counts[verdict]) for verdict in Verdict if counts[verdict]]

    @property
    def skipped(self) -> dict[str, list[Subject]]:
        """The subjects that were not run, by what is missing."""
        by_reason: dict[str, list[Subject]] = {}
        for subject in [*self.attacks, *self.benign, *self.variants]:
            if subject.first.verdict is Verdict.SKIPPED:
                by_reason.setdefault(subject.first.reason, []).append(subject)
        return by_reason

    @property
    def families(self) -> dict[str, list[Subject]]:
        """The variants by family."""
        by_family: dict[str, list[Subject]] = {}
        for subject in self.variants:
            if subject.first.variant:
                by_family.setdefault(subject.first.variant.family, []).append(subject)
        return by_family


def to_html(
    results: Sequence[Result],
    additions: Additions | None = None,
    recording: Path | None = None,
    read: Read | None = None,
) -> str:
    """The page for these results and additions.

    Raw records are taken from the recording that a result names, or from `recording` for those of its run.
    `read` opens the files of rules.
    """
    additions, read = additions or Additions(), read or ReadOnce()
    chapters = [_chapter(result, f"r{number}", recording, read) for number, result in enumerate(results, 1)]
    several = len(results) > 1
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            chapters=chapters,
            sections=additions.sections,
            mutations=additions.mutations,
            schedules=additions.schedules,
            history=additions.history,
            timed=timed(results) if several else [],
            flakes=flakes(results) if several else [],
        )
    )


def write_html(
    results: Sequence[Result],
    path: Path,
    additions: Additions | None = None,
    recording: Path | None = None,
    read: Read | None = None,
) -> None:
    """Write the page to a file. Raises InvalidInput where it can't be written."""
    write_document(
        to_html(results, additions, recording, read), path, visible_text
    )  # CSS has lines that begin with `::`


def _chapter(result: Result, prefix: str, recording: Path | None, read: Read) -> Chapter:
    every = subjects(result, prefix)
    variants = [subject for subject in every if subject.first.variant]
    benign = [subject for subject in every if subject.first.benign]
    attacks = [subject for subject in every if not subject.first.variant and not subject.first.benign]
    return Chapter(
        prefix,
        result,
        attacks,
        benign,
        variants,
        heat_map(variants),
        timeline([*attacks, *benign]),
        failings([*attacks, *benign, *variants], prefix, RuleTexts(result.rules, read)),
        raw_records(result, every, prefix, recording),
    )


@cache
def _environment() -> Environment:
    """Jinja's environment. All that a template prints becomes safe text: by `visible`, and by escaping."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    for function in (*_FILTERS, content):
        environment.filters[function.__name__] = function
    environment.globals.update(
        figures=figures,
        trends=trends,
        plans=schedule_text,
        flag_text=flag_text,
        flag_wrong=flag_wrong,
        kinds=KINDS,
        by_kind=by_kind,
        gravity=GRAVITY,
        letters=LETTERS,
        meanings=MEANINGS,
        tables_read=tables_read,
        shapes={"telemetry": SENSOR_SHAPES[0], "alert": ALERT_SHAPE},
        line_bytes=LINE_BYTES,
        newline=Markup("\n"),
    )
    return environment


def content(text: str) -> Markup:
    """Text as the content of an element, with plain quotes: escaped, JSON would be a third longer.

    Not safe in an attribute.
    """
    return Markup(str(escape(visible(text))).replace("&#34;", '"').replace("&#39;", "'"))


def _finalize(value: object) -> object:
    """Safe text; a macro's output is safe already."""
    return value if hasattr(value, "__html__") else visible("-" if value is None else value)
