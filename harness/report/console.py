"""A result for the terminal: a table that fits 80 columns, and its explanation."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.model.atomic import short_id
from harness.model.atomic_result import AtomicResult
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.report.describe import alert_lines, ambiguous_lines, details, tables_read, unproven
from harness.report.fitting import folded
from harness.report.recall_text import print_account
from harness.text import visible

_STYLES = {Verdict.PROVEN: "bold green", Verdict.KNOWN_GAP: "yellow", Verdict.SKIPPED: "dim"}
_NAME_WIDTH = 36


def print_result(result: Result, console: Console) -> None:
    """A table for each rule, the explanation of each result that is not as expected, the figures, and the summary."""
    for rule in dict.fromkeys(row.rule for row in result.results):
        console.print(_table(rule, [row for row in result.results if row.rule == rule and not row.variant]))
        console.print()
    for row in result.results:
        if not row.verdict.as_expected and row.verdict is not Verdict.SKIPPED:
            _print_lines(console, details(row))
            console.print()
    _print_skipped(result, console)
    for rule, alerts in result.background.alerts.items():
        if alerts:
            count = "1 alert" if len(alerts) == 1 else f"{len(alerts)} alerts"
            lines = [f"UNEXPECTED_ALERT  {count} of {rule} in the background, where no atomic ran"]
            _print_lines(console, lines + [line for alert in alerts for line in alert_lines(alert)])
            console.print()
    if result.ambiguous.count:
        _print_lines(console, list(ambiguous_lines(result.ambiguous)))
        console.print()
    print_account(result, console)
    _print_proofs(result, console)
    _print_summary(result, console)


def _print_skipped(result: Result, console: Console) -> None:
    """The atomics that were not run, once for all rules, by reason."""
    reasons: dict[str, dict[str, None]] = {}
    for row in result.results:
        if row.verdict is Verdict.SKIPPED:
            reasons.setdefault(row.reason, {})[row.atomic] = None
    for reason, atomics in reasons.items():
        console.print(Text(f"SKIPPED  {visible(reason)}", style="bold"), soft_wrap=True)
        for atomic in atomics:
            console.print(Text(f"  {visible(atomic)}"), soft_wrap=True)
    if reasons:
        console.print()


def _print_proofs(result: Result, console: Console) -> None:
    """A line for each rule that is not proven."""
    lines = [unproven(proof) for proof in result.proofs if not proof.proven]
    for line in lines:
        console.print(Text(line, style="bold red"), soft_wrap=True)
    if lines:
        console.print()


def _print_summary(result: Result, console: Console) -> None:
    summary = " · ".join(f"{count} {verdict}" for verdict, count in result.summary.items())
    if result.background.count:
        summary += f" · {result.background.count} UNEXPECTED_ALERT in the background"
    code = int(result.exit_code)
    line = Text(summary, style="bold green" if code == 0 else "bold red")
    console.print(line.append(f" · exit {code}", style="default"), soft_wrap=True)
    console.print(Text(f"recording {visible(result.recording)}", style="dim"), soft_wrap=True)
    if read := tables_read(result):
        console.print(Text(read, style="dim"), soft_wrap=True)


def _print_lines(console: Console, lines: list[str]) -> None:
    console.print(Text(lines[0], style="bold red"), soft_wrap=True)
    for line in lines[1:]:
        console.print(Text(line), soft_wrap=True)


def _table(rule: str, results: list[AtomicResult]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), title=Text(rule), title_justify="left")
    table.add_column("ATOMIC")
    for title in ("SEEN", "FIRED", "FLAGS", "ALERT IN", "VERDICT"):
        table.add_column(title, no_wrap=True)
    for result in results:
        table.add_row(*_cells(result))
    return table


def _cells(result: AtomicResult) -> list[Text]:
    name = short_id(result.atomic)
    signals = result.signals
    seen = f"{sum(s.seen for s in signals)}/{len(signals)}" if signals else "-"
    right = sum(flag.right for flag in result.flags.values())
    flags = f"{right}/{len(result.flags)}" if result.fired.actual and result.flags else "-"
    fired = f"{result.fired.rows} row{'' if result.fired.rows == 1 else 's'}" if result.fired.actual else "no"
    time = result.latency.alert
    verdict = Text(str(result.verdict), style=_STYLES.get(result.verdict, "bold red"))
    cells = (
        "\n".join(folded(visible(name), _NAME_WIDTH)),
        seen,
        fired,
        flags,
        "-" if time is None else f"{time:.2f} s",
    )
    return [*(Text(cell) for cell in cells), verdict]
