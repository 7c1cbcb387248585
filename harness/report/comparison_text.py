"""A comparison of two results, by cause: for a terminal, and as Markdown for a CI job."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from harness.model.comparison import Cause, Comparison, Difference, Kind, RuleChange
from harness.report.markdown import LIMIT, escaped, within
from harness.text import visible, visible_lines

_TITLES = {
    Cause.EXPECTATION: "Expectation changed",
    Cause.RULE: "Rule changed",
    Cause.ATOMIC: "Atomic changed",
    Cause.VERSION: "Tool or daemon changed",
    Cause.LAB: "Lab changed",
    Cause.HEALTH: "Sensor health",
    Cause.FLAKE: "Flake",
    Cause.NEW: "New",
    Cause.GONE: "Gone",
}
_KINDS: dict[Kind, str] = {"regression": "bold red", "improvement": "green", "change": "yellow"}
_ONE_SIDED = (Cause.NEW, Cause.GONE)
_WIDTH = 80
_NAMED = 3
_RULE_LINES = 40
_RULE_STYLES = {"+": "green", "-": "red"}


@dataclass(frozen=True)
class _Line:
    """Differences shown together: a single one, variants of one atomic with the same change, or all that are new."""

    first: Difference
    names: list[str]

    @property
    def subject(self) -> str:
        """What changed: an atomic, a figure, or a number of atomics or of variants."""
        if len(self.names) < 2:
            return self.first.atomic
        named = ", ".join(self.names[:_NAMED]) + (", …" if len(self.names) > _NAMED else "")
        if self.first.cause in _ONE_SIDED:
            return f"{len(self.names)} atomics ({named})"
        return f"{self.first.atomic.partition('~')[0]}: {len(self.names)} variants ({named})"

    @property
    def reason(self) -> str:
        """The reason of the new verdict; empty for atomics that are new or gone."""
        return "" if self.first.cause in _ONE_SIDED else self.first.reason


def print_diff(comparison: Comparison, console: Console) -> None:
    """Print the differences by cause, worst first, then one line of figures."""
    width = min(console.width, _WIDTH)
    for cause, detail in comparison.inputs.items():
        _print(console, f"{_TITLES[cause]}: {detail}", width, "  ")
        for change in comparison.rules if cause is Cause.RULE else ():
            _print_rule(console, change, width)
    for line in _unjudged(comparison):
        _print(console, line, width, "  ")
    for cause, differences in _by_cause(comparison):
        console.print()
        console.print(Text(_TITLES[cause], style="bold"))
        detail = ""
        for row in _lines(differences):
            if row.first.detail != detail:
                detail = row.first.detail
                _print(console, f"  {detail}", width, "    ")
            _print_line(console, row, width)
    console.print() if comparison.differences or comparison.inputs or comparison.unjudged else None
    style = "bold red" if comparison.worse else "bold green"
    console.print(Text(figures(comparison), style=style).append(f" · exit {int(comparison.worse)}", style="default"))


def _print_rule(console: Console, change: RuleChange, width: int) -> None:
    _print(console, f"  {_about(change)}", width, "    ")
    for line in visible_lines("\n".join(change.lines), _RULE_LINES):
        for piece in textwrap.wrap(line, width - 2, subsequent_indent="    ", drop_whitespace=False) or [""]:
            console.print(Text(f"  {piece}".rstrip(), style=_RULE_STYLES.get(line[:1], "")), soft_wrap=True)


def _about(change: RuleChange) -> str:
    """A heading for the lines of a rule, or why there are none."""
    if change.untold:
        return f"{change.rule}: lines unknown, since the {change.untold} result holds no text of the rule, or several"
    old, new = change.versions
    return f"{change.rule}, version {f'{old} -> {new}' if old != new else f'{old} on both sides'}"


def _unjudged(comparison: Comparison) -> list[str]:
    return [f"Not judged in {side.upper()}: rule {rule}" for rule, side in comparison.unjudged.items()]


def _print_line(console: Console, line: _Line, width: int) -> None:
    first = line.first
    head = f"  {first.kind.upper():11}  "
    indent = " " * len(head)
    _print(console, f"{head}{line.subject}", width, indent, _KINDS[first.kind])
    _print(console, f"{indent}{first.rule}: {first.before or '-'} -> {first.after or '-'}", width, indent)
    if line.reason:
        _print(console, f"{indent}{line.reason}", width, indent)


def figures(comparison: Comparison) -> str:
    """The number of differences of each kind, in words."""
    counts = [(kind, len(comparison.of(kind))) for kind in _KINDS]
    return " · ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in counts)


def to_markdown(comparison: Comparison) -> str:
    """The comparison in GitHub's Markdown, of bounded size: a table for each cause, the worst first."""
    lines = ["## Livefire: what has changed", "", f"**{figures(comparison)}**", ""]
    items = [f"{_TITLES[cause]}: {detail}" for cause, detail in comparison.inputs.items()] + _unjudged(comparison)
    lines += [f"- {escaped(item)}" for item in items] + [""] * bool(items)
    for change in comparison.rules:
        shown = visible_lines("\n".join(change.lines), _RULE_LINES)
        fence = "`" * (1 + max([2, *(len(run) for line in shown for run in re.findall("`+", line))]))
        lines += [escaped(_about(change)), ""] + ([f"{fence}diff", *shown, fence, ""] if shown else [])
    for cause, differences in _by_cause(comparison):
        lines += [
            f"### {_TITLES[cause]}",
            "",
            "| | atomic | rule | before | after | why |",
            "|---|---|---|---|---|---|",
        ]
        for line in _lines(differences):
            first = line.first
            why = f"{first.detail}: {line.reason}" if line.reason else first.detail
            cells = (first.kind, line.subject, first.rule, first.before or "-", first.after or "-", why)
            lines.append(f"| {' | '.join(escaped(cell) for cell in cells)} |")
        lines.append("")
    return within(LIMIT, lines)


def _by_cause(comparison: Comparison) -> Iterator[tuple[Cause, list[Difference]]]:
    for cause in Cause:
        if differences := [difference for difference in comparison.differences if difference.cause is cause]:
            yield cause, differences


def _lines(differences: Sequence[Difference]) -> list[_Line]:
    """The lines, regressions first. Variants of an atomic with the same change are one line: there may be hundreds."""
    grouped: dict[tuple[object, ...], _Line] = {}
    for diff in sorted(differences, key=lambda diff: list(_KINDS).index(diff.kind)):
        base, _, variant = diff.atomic.partition("~")
        change = (diff.rule, diff.before, diff.after)
        key = (
            change if diff.cause in _ONE_SIDED else (diff.kind, base, bool(variant), *change, diff.detail, diff.reason)
        )
        line = grouped.setdefault(key, _Line(diff, []))
        if diff.cause in _ONE_SIDED:
            line.names.append(diff.atomic)
        elif variant:
            line.names.append(variant)
    return list(grouped.values())


def _print(console: Console, text: str, width: int, indent: str, style: str = "") -> None:
    for line in textwrap.wrap(visible(text), width, subsequent_indent=indent):
        console.print(Text(line, style=style), soft_wrap=True)
