"""What was judged in a recording: each atomic, benign run or variant with its results, one for each rule."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.atomic import short_id
from harness.model.atomic_result import AtomicResult, Flag
from harness.model.observed import Evidence, SignalResult
from harness.model.result import Result
from harness.model.verdict import Verdict


@dataclass(frozen=True)
class Row:
    """A result as a row of the table of atomics. `tone` names the colour of the verdict."""

    result: AtomicResult
    executed: str
    seen: str
    fired: str
    flags: str

    @property
    def tone(self) -> str:
        """`ok`, `gap`, `off` or `bad`."""
        return tone(self.result.verdict)


@dataclass(frozen=True)
class Subject:
    """An atomic, benign run or variant that was detonated. `anchor` leads to its evidence."""

    anchor: str
    rows: tuple[Row, ...]

    @property
    def first(self) -> AtomicResult:
        """The result under the first rule; what no rule decides is the same in all results."""
        return self.rows[0].result

    @property
    def atomic(self) -> str:
        """The id of the atomic."""
        return self.first.atomic

    @property
    def short(self) -> str:
        """The id without its technique."""
        return short_id(self.atomic)

    def shown_before(self, index: int) -> bool:
        """Whether an earlier result has the same execution and signals, so that the page need not show them again.

        Two rules may require different signals of an atomic.
        """
        this = self.rows[index].result
        return any(
            (row.result.executed, row.result.signals) == (this.executed, this.signals) for row in self.rows[:index]
        )


def subjects(result: Result, prefix: str) -> list[Subject]:
    """The subjects of a result, in the order in which they were judged first."""
    by_atomic: dict[str, list[Row]] = {}
    for row in result.results:
        by_atomic.setdefault(row.atomic, []).append(_row(row))
    return [Subject(f"{prefix}-a{number}", tuple(rows)) for number, rows in enumerate(by_atomic.values(), 1)]


def tone(verdict: Verdict) -> str:
    """The colour of a verdict: `ok`, `gap`, `off` (nothing was judged) or `bad`."""
    tones = {Verdict.PROVEN: "ok", Verdict.KNOWN_GAP: "gap", Verdict.SKIPPED: "off", Verdict.INCONCLUSIVE: "off"}
    return tones.get(verdict, "bad")


def flag_text(flag: Flag, *, fired: bool) -> str:
    """The value of a flag, and the expected one where that differs."""
    if not fired:
        return "no alert, expected true" if flag.expected else "no alert"
    if flag.actual is flag.expected:
        return flag.reserve or truth(flag.actual)
    actual = "differs between rows" if flag.actual is None else truth(flag.actual)
    return f"{actual}, expected {truth(flag.expected)}"


def flag_wrong(flag: Flag, *, fired: bool) -> bool:
    """Whether a flag is wrong. Where the rule is silent, only a flag that should be set is."""
    return not flag.right if fired else bool(flag.expected)


def seconds(value: float | None) -> str:
    """A time to a hundredth of a second; a shorter time is `< 0.01 s`, not 0."""
    if value is None:
        return "-"
    return "< 0.01 s" if 0 <= value < 0.005 else f"{value:.2f} s"


def signals(result: AtomicResult) -> list[tuple[str, SignalResult]]:
    """The effects that the oracle checked, and the signals."""
    effects = [("effect", effect) for effect in result.executed.oracle]
    return effects + [("signal", signal) for signal in result.signals]


def headline(evidence: Evidence) -> str:
    """The most telling fact of a row."""
    names = ("ProcessCommandLine", "CommandLine", "RequestUri", "Command", "Action")
    return next((str(evidence.facts[name]) for name in names if evidence.facts.get(name)), "")


def truth(value: bool | None) -> str:
    """A value of a flag in words."""
    return "absent" if value is None else str(value).lower()


def _row(result: AtomicResult) -> Row:
    judged = result.verdict is not Verdict.SKIPPED
    seen = f"{sum(signal.seen for signal in result.signals)}/{len(result.signals)}" if result.signals else "-"
    fired = ("1 row" if result.fired.rows == 1 else f"{result.fired.rows} rows") if result.fired.actual else "no"
    right = sum(flag.right for flag in result.flags.values())
    flags = f"{right}/{len(result.flags)}" if result.fired.actual and result.flags else "-"
    executed = "yes" if result.executed.effect else "no"
    return Row(result, executed if judged else "-", seen, fired if judged else "-", flags)
