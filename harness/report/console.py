"""The terminal: what is going on while it goes on, and a table at the end that fits 80 columns."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from harness.events import (
    AtomicDetonated,
    AtomicStarted,
    Event,
    Judged,
    LabStarted,
    LabStep,
    RecordingSealed,
    SensorDrained,
)
from harness.model.atomic import short_id
from harness.model.manifest import Detonation
from harness.model.result import AtomicResult, Result
from harness.model.variant import Variant
from harness.model.verdict import Verdict
from harness.report.describe import alert_lines, ambiguous_lines, details, tables_read, unproven
from harness.report.fitting import folded
from harness.report.recall_text import print_account
from harness.text import visible

_STYLES = {Verdict.PROVEN: "bold green", Verdict.KNOWN_GAP: "yellow", Verdict.SKIPPED: "dim"}
_NAME_WIDTH = 36


class LiveConsole:
    """A subscriber that prints a line for each thing that has come about, and shows what is under way.

    Without a terminal there is no spinner and no colour: the same lines, as they come.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._pending: list[str] = []
        self._variants: list[Variant] = []

    def __enter__(self) -> LiveConsole:
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, event: Event) -> None:
        """Take an event. May be called from several threads: rich locks its console."""
        match event:
            case LabStep(part, "starting", _):
                self._begin(part)
            case LabStep(part, "working", detail):
                self._line("..", f"{part:15} {detail}")
            case LabStep(part, state, detail):
                self._end(part)
                self._line("ok" if state == "ready" else "FAIL", f"{part:15} {detail}", good=state == "ready")
            case LabStarted(_, seconds) if seconds:
                self._line("ok", f"{'lab':15} up in {seconds:.1f} s")
            case AtomicStarted(atomic, variant):
                if self._variants and not (variant and variant.of == self._variants[-1].of):
                    self._end_variants()
                self._begin(f"detonating {atomic}")
            case AtomicDetonated(detonation):
                self._detonated(detonation)
            case SensorDrained(sensor):
                at_marks = [problem for mark in sensor.marks for problem in mark.problems]
                problems = [*sensor.before.problems, *at_marks, *sensor.after.problems]
                self._line("UNWELL", f"{sensor.name}: {problems[0]}", good=False) if problems else None
            case RecordingSealed(path):
                self._end_variants()
                self._line("ok", f"{'recording':15} {path}")
                self._begin("judging")
            case Judged(result) if not result.verdict.as_expected and result.verdict is not Verdict.SKIPPED:
                self._line(str(result.verdict), f"{result.atomic} [{result.rule}]", good=False)
            case _:
                pass

    def _detonated(self, detonation: Detonation) -> None:
        self._end(f"detonating {detonation.atomic}")
        if detonation.variant:
            self._variants.append(detonation.variant)
            return
        attack = detonation.attack
        outcome = detonation.skipped or (f"exit code {attack.exit_code}" if attack else "not run")
        if attack and attack.timed_out:
            outcome = "ran into its time limit"
        if attack and attack.given_up:
            outcome = f"ended before its time: {attack.given_up}"
        if attack and attack.survivors:
            outcome += f"; outlived its shell, and was ended: pid {', '.join(map(str, attack.survivors))}"
        self._line("--" if detonation.skipped else "ran", f"{detonation.atomic}: {outcome}")

    def _end_variants(self) -> None:
        """One line for all variants of an atomic: there may be dozens."""
        if self._variants:
            self._line("ran", f"{len(self._variants)} variants of {self._variants[-1].of}")
        self._variants = []

    def _line(self, word: str, text: str, *, good: bool = True) -> None:
        line = Text(f"{word:7} ", style="green" if good else "bold red")
        line.append(visible(text), style="default")
        self._console.print(line, soft_wrap=True)

    def _begin(self, what: str) -> None:
        self._pending.append(what)
        self._show()

    def _end(self, what: str) -> None:
        if what in self._pending:
            self._pending.remove(what)
        self._show()

    def _show(self) -> None:
        if self._status:
            self._status.update(visible(", ".join(self._pending) or "working"))


def print_result(result: Result, console: Console) -> None:
    """A table for each rule, what explains each result that is not as expected, the account, and the summary."""
    for rule in dict.fromkeys(each.rule for each in result.results):
        console.print(_table(rule, [each for each in result.results if each.rule == rule and not each.variant]))
        console.print()
    for each in result.results:
        if not each.verdict.as_expected and each.verdict is not Verdict.SKIPPED:
            _print_lines(console, details(each))
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
    """What was not run, by its reason: the same for every rule."""
    reasons: dict[str, dict[str, None]] = {}
    for each in result.results:
        if each.verdict is Verdict.SKIPPED:
            reasons.setdefault(each.reason, {})[each.atomic] = None
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
    for each in results:
        table.add_row(*_cells(each))
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
