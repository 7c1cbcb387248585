"""The terminal during a live run: what is done, and what is in progress."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import Progress
from rich.status import Status
from rich.text import Text

from harness.events import (
    AtomicDetonated,
    AtomicStarted,
    Event,
    Judged,
    JudgingStarted,
    LabStarted,
    LabStep,
    RecordingSealed,
    SensorDrained,
)
from harness.model.atomic_result import AtomicResult
from harness.model.manifest import Detonation
from harness.model.variant import Variant
from harness.model.verdict import Verdict
from harness.report.progress import bar
from harness.text import visible


class LiveConsole:
    """A subscriber that prints a line for each finished step, and shows the steps in progress.

    Without a terminal it prints the same lines, without spinner and colour.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._bar: Progress | None = None
        self._pending: list[str] = []
        self._variants: list[Variant] = []

    def __enter__(self) -> LiveConsole:
        if self._console.is_terminal:
            self._status = self._console.status("starting")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._end_bar()
        if self._status:
            self._status.stop()

    def __call__(self, event: Event) -> None:
        """Take an event. May be called from several threads: rich locks its console."""
        match event:
            case LabStep(name, "starting", _):
                self._begin(name)
            case LabStep(name, "working", detail):
                self._line("..", f"{name:15} {detail}")
            case LabStep(name, state, detail):
                self._end(name)
                self._line("ok" if state == "ready" else "FAIL", f"{name:15} {detail}", good=state == "ready")
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
                self._line("PROBLEM", f"{sensor.name}: {problems[0]}", good=False) if problems else None
            case RecordingSealed(path):
                self._end_variants()
                self._line("ok", f"{'recording':15} {path}")
                self._begin("judging")
            case JudgingStarted(cases):
                self._end("judging")
                self._begin_bar("judging", cases)
            case Judged(result):
                self._judged(result)
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
            outcome = "reached its time limit"
        if attack and attack.given_up:
            outcome = f"ended early: {attack.given_up}"
        if attack and attack.survivors:
            outcome += f"; outlived its shell, and was ended: pid {', '.join(map(str, attack.survivors))}"
        self._line("--" if detonation.skipped else "ran", f"{detonation.atomic}: {outcome}")

    def _judged(self, result: AtomicResult) -> None:
        if not result.verdict.as_expected and result.verdict is not Verdict.SKIPPED:
            self._line(str(result.verdict), f"{result.atomic} [{result.rule}]", good=False)
        if self._bar:
            self._bar.advance(self._bar.task_ids[0])
            if self._bar.finished:
                self._end_bar()

    def _begin_bar(self, what: str, total: int) -> None:
        """Show a bar instead of the spinner: rich allows only one live display on a terminal."""
        self._end_bar()
        if self._status:
            self._status.stop()
            self._bar = bar(self._console)
            self._bar.add_task(what, total=total)
            self._bar.start()

    def _end_bar(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None
        if self._status:
            self._status.start()

    def _end_variants(self) -> None:
        """Print one line for all variants of an atomic: there may be dozens."""
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
