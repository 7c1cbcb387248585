"""What a recording was judged by: each atomic, benign run or variant with its results, one for each rule."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.atomic import short_id
from harness.model.atomic_result import AtomicResult, Flag
from harness.model.observed import Evidence, SignalResult
from harness.model.result import Result
from harness.model.verdict import Verdict


@dataclass(frozen=True)
class Row:
    """A result as a line of the table of atomics. `tone` is how the verdict is coloured."""

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
    """One thing that was detonated. `anchor` is where the page tells all of it."""

    anchor: str
    rows: tuple[Row, ...]

    @property
    def first(self) -> AtomicResult:
        """The result under the first rule; what is not of a rule is the same in all."""
        return self.rows[0].result

    @property
    def atomic(self) -> str:
        """The id of the atomic."""
        return self.first.atomic

    @property
    def short(self) -> str:
        """The id without its technique."""
        return short_id(self.atomic)

    def told_before(self, index: int) -> bool:
        """Whether the result with this index was executed and seen as one before it: then that needs no second telling.

        Two rules may ask an atomic for different signals.
        """
        this = self.rows[index].result
        return any(
            (row.result.executed, row.result.signals) == (this.executed, this.signals) for row in self.rows[:index]
        )


def subjects(result: Result, prefix: str) -> list[Subject]:
    """The subjects of a result, in the order in which they were judged first."""
    found: dict[str, list[Row]] = {}
    for each in result.results:
        found.setdefault(each.atomic, []).append(_row(each))
    return [Subject(f"{prefix}-a{number}", tuple(rows)) for number, rows in enumerate(found.values(), 1)]


def tone(verdict: Verdict) -> str:
    """How a verdict is coloured: `ok`, `gap`, `off` (nothing was judged) or `bad`."""
    tones = {Verdict.PROVEN: "ok", Verdict.KNOWN_GAP: "gap", Verdict.SKIPPED: "off", Verdict.INCONCLUSIVE: "off"}
    return tones.get(verdict, "bad")


def flag_text(flag: Flag, *, fired: bool) -> str:
    """A flag as it was found, and what was expected where that differs."""
    if not fired:
        return "no alert, expected true" if flag.expected else "no alert"
    if flag.actual is flag.expected:
        return flag.reserve or truth(flag.actual)
    actual = "differs between rows" if flag.actual is None else truth(flag.actual)
    return f"{actual}, expected {truth(flag.expected)}"


def flag_wrong(flag: Flag, *, fired: bool) -> bool:
    """Whether a flag is not what it should be. Of a silent rule, only a flag that should be set is missed."""
    return not flag.right if fired else bool(flag.expected)


def seconds(value: float | None) -> str:
    """A time to a hundredth of a second; what is shorter took time, too."""
    if value is None:
        return "-"
    return "< 0.01 s" if 0 <= value < 0.005 else f"{value:.2f} s"


def signals(result: AtomicResult) -> list[tuple[str, SignalResult]]:
    """The effects that the oracle looked for, and the signals."""
    return [("effect", each) for each in result.executed.oracle] + [("signal", each) for each in result.signals]


def headline(evidence: Evidence) -> str:
    """The fact that tells a person most of a row."""
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
