"""Results in GitHub's Markdown, for the summary of a CI job: verdicts, and the unmet ones with reason and place."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.files.documents import write_document
from harness.model.atomic_result import Alert, AtomicResult
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.report.describe import alert_lines, ambiguous_lines, details, tables_read
from harness.report.unjudged_text import by_kind
from harness.text import visible

LIMIT = 256 * 1024  # bytes; GitHub drops the summary of a step that is over 1 MiB, and several may share one
_LEFT_OUT = 200  # bytes kept free for the note on what is left out
_CELL = 300
_EVIDENCE = 20
_LINES = 40
# Characters with a meaning in Markdown, and those that turn plain text into a link or a mention.
_SPECIAL = re.compile(r"[\\`*_\[\]|~$#@]|(?<=http):|(?<=https):|(?<=ftp):|(?<=www)\.", re.IGNORECASE)


def write_markdown(results: Sequence[Result], path: Path) -> None:
    """Write the summary of all results."""
    write_document(to_markdown(results), path)


def to_markdown(results: Sequence[Result]) -> str:
    """One section for each result, of at most `LIMIT` bytes together."""
    return within(LIMIT, (block for result in results for block in _section(result)))


def escaped(text: object) -> str:
    """One line of plain text for a table or a list; a long line is cut."""
    line = visible(text)
    short = line if len(line) <= _CELL else line[: _CELL - 1] + "…"
    return html.escape(_SPECIAL.sub(r"\\\g<0>", short), quote=False)


def within(limit: int, blocks: Iterable[str]) -> str:
    """The blocks, a line or more each, that fit into `limit` bytes, and a count of the lines that are left out."""
    kept: list[str] = []
    size = left_out = 0
    for block in blocks:
        size += len(block.encode("utf-8", "surrogatepass")) + 1
        if left_out or size > limit - _LEFT_OUT:
            left_out += block.count("\n") + 1
        else:
            kept.append(block)
    if left_out:
        kept += ["", f"… and {left_out} more lines, left out because GitHub limits the size.", ""]
    return "\n".join(kept).encode("utf-8", "replace").decode()


def _section(result: Result) -> Iterator[str]:
    counts = " · ".join(f"{count} {verdict}" for verdict, count in result.summary.items()) or "nothing was judged"
    if result.background.count:
        counts += f" · {result.background.count} {Verdict.UNEXPECTED_ALERT} in the background"
    yield f"## Livefire: {escaped(Path(result.recording).name or result.run_id)}"
    yield ""
    yield f"**{escaped(counts)} · exit {int(result.exit_code)}**"
    yield ""
    if read := tables_read(result):
        yield from (escaped(read), "")
    yield from _rules(result)
    yield from (f"**UNPROVEN RULE** {escaped(p.rule)}: {escaped(p.reason)}\n" for p in result.proofs if not p.proven)
    unmet = [row for row in result.results if not row.verdict.as_expected and row.verdict is not Verdict.SKIPPED]
    yield from _unmet(unmet)
    for rule, alerts in result.background.alerts.items():
        if alerts:
            yield from _background(rule, alerts)
    if result.ambiguous.count:
        title, *lines = ambiguous_lines(result.ambiguous)
        yield _folded(title, lines)
    yield from _unjudged(result)
    yield from _skipped([row for row in result.results if row.verdict is Verdict.SKIPPED])


def _rules(result: Result) -> Iterator[str]:
    """A row for each rule: the number of atomics, variants too, with each verdict."""
    verdicts = [verdict for verdict in Verdict if any(row.verdict is verdict for row in result.results)]
    yield f"| rule | {' | '.join(verdicts)} | alerts in the background |"
    yield f"|---|{'---:|' * len(verdicts)}---:|"
    for rule in dict.fromkeys(row.rule for row in result.results):
        of_rule = [row.verdict for row in result.results if row.rule == rule]
        counts = [str(of_rule.count(verdict)) for verdict in verdicts]
        background = len(result.background.alerts.get(rule, []))
        yield f"| {escaped(rule)} | {' | '.join(counts)} | {background} |"
    yield ""


def _unmet(unmet: Sequence[AtomicResult]) -> Iterator[str]:
    """A table of all, then the evidence of the first ones, folded."""
    if not unmet:
        return
    yield from ("### Not as expected", "")
    yield "| verdict | atomic | rule | why | expected at |"
    yield "|---|---|---|---|---|"
    for row in unmet:
        cells = (row.verdict, row.atomic, row.rule, row.reason, row.at)
        yield f"| {' | '.join(escaped(cell) for cell in cells)} |"
    yield ""
    for row in unmet[:_EVIDENCE]:
        yield _folded(f"{row.verdict} {row.atomic} [{row.rule}]", details(row))
    if len(unmet) > _EVIDENCE:
        yield f"The evidence of {len(unmet) - _EVIDENCE} more is in the other reports."


def _background(rule: str, alerts: Sequence[Alert]) -> Iterator[str]:
    count = f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'}"
    title = f"{Verdict.UNEXPECTED_ALERT} {count} of {rule} in the background, where no atomic ran"
    yield _folded(title, [line for alert in alerts for line in alert_lines(alert)])


def _unjudged(result: Result) -> Iterator[str]:
    """What was not judged, by kind."""
    if result.unjudged:
        yield from ("### Not judged" + (", and all was required" if result.all_required else ""), "")
    for heading, of_kind in by_kind(result.unjudged):
        yield f"- {heading}: {escaped(', '.join(dict.fromkeys(item.name for item in of_kind)))}"
    if result.unjudged:
        yield ""


def _skipped(skipped: Sequence[AtomicResult]) -> Iterator[str]:
    """The atomics that were not run, once for all rules, by reason."""
    reasons: dict[str, set[str]] = {}
    for row in skipped:
        reasons.setdefault(row.reason, set()).add(row.atomic)
    if reasons:
        yield from ("### Skipped", "")
    for reason, atomics in reasons.items():
        yield f"- {len(atomics)} skipped: {escaped(reason)}: {escaped(', '.join(sorted(atomics)))}"
    if reasons:
        yield ""


def _folded(title: str, lines: Sequence[str]) -> str:
    """Lines folded below a title. Without blank lines, as those would end the HTML block."""
    lines = [line for line in lines if line.strip()]
    shown = [html.escape(line if len(line) <= 2 * _CELL else line[: 2 * _CELL] + "…") for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"… and {len(lines) - _LINES} more lines")
    body = "\n".join(shown)
    return f"<details><summary>{html.escape(visible(title))}</summary>\n<pre>\n{body}\n</pre>\n</details>\n"
