"""The result of a run or a replay, `livefire.result/1`: what the JSON holds and what each report reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from harness.model.manifest import LabFacts
from harness.model.variant import Variant
from harness.model.verdict import ExitCode, Verdict


def _in_utc(time: datetime) -> datetime:
    """A moment in UTC, which is also what one without a time zone is taken for. Raises ValueError."""
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:  # an hour before the first year, or after the last
        raise ValueError("it is outside of the years 1 to 9999 in UTC") from None


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(_Part):
    """A table row that carries a claim. `record` is `raw/FILE:LINE`; `facts` are its telling columns."""

    record: str
    table: str
    facts: dict[str, Any]


class SignalResult(_Part):
    """Whether a required signal (or the oracle) was seen, and on which rows.

    `sensors` are all on which it rests, `sensor` the first of them.
    """

    name: str
    sensor: str
    sensors: list[str] = Field(default_factory=list)
    seen: bool
    evidence: list[Evidence] = Field(default_factory=list)

    @property
    def rests_on(self) -> list[str]:
        """The sensors; older results name one."""
        return self.sensors or [self.sensor]


class Executed(_Part):
    """The attack as it ran, and whether its effect was observed. `timed_out`: it was ended at its time limit.

    `given_up` says what of the lab had died, where it was ended for that. `survivors` are the pids of what outlived its
    shell, and was ended.
    """

    ran: bool
    timed_out: bool = False
    given_up: str = ""
    effect: bool
    command: str = ""
    pid: int | None = None
    session: int | None = None
    exit_code: int | None = None
    survivors: list[int] = Field(default_factory=list)
    oracle: list[SignalResult] = Field(default_factory=list)


class SensorHealth(_Part):
    """The health of one sensor around one atomic."""

    sensor: str
    ok: bool
    problems: list[str] = Field(default_factory=list)


class Fired(_Part):
    """Whether the rule fired, and on how many rows. `companions` are rows that the expectation allows for."""

    expected: bool
    actual: bool
    rows: int
    expected_rows: int
    companions: int = 0


class Flag(_Part):
    """One flag; `actual` is None where the rule did not fire or its rows disagree.

    `grounds` says of each word that must set the flag by itself whether it does.
    """

    expected: bool | None
    actual: bool | None
    grounds: dict[str, bool] = Field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether it is as expected, on each of its grounds."""
        return self.actual is self.expected and all(self.grounds.values())

    @property
    def reserve(self) -> str:
        """Of a flag that is set as expected, but not by each of its words alone: `true, but not by 'x' alone`."""
        words = [f"'{word}'" for word, holds in self.grounds.items() if not holds]
        if not words or self.actual is not self.expected:
            return ""
        return f"{str(self.actual).lower()}, but not by {' or '.join(words)} alone"


class Alert(_Part):
    """One row that the rule returned, and the table rows that it came from."""

    row: dict[str, Any]
    evidence: list[Evidence] = Field(default_factory=list)


class NearMiss(_Part):
    """Why a silent rule was silent: the first predicate that rejected the closest row, and its values."""

    predicate: str
    at: str
    values: dict[str, Any]
    passed: list[str] = Field(default_factory=list)
    evidence: Evidence | None = None


class Latency(_Part):
    """Seconds from exec to when the last required signal could be read, and to the alert (None in a replay).

    `sensors` has the same for the signals of each sensor by itself: a sensor for which it is not known is not in it.
    """

    detonated: Moment | None = None
    telemetry: FiniteFloat | None = None
    sensors: dict[str, FiniteFloat] = Field(default_factory=dict)
    alert: FiniteFloat | None = None


class VariantResult(_Part):
    """An atomic that is another way to do what `of` does, and how it compares with it.

    `equivalence`: `identical` effect; it `covers` that effect and more; `different`; `none` at all; `unknown` where
    there is nothing to compare with. `held_out` says that it was kept aside while rules were written. `seen_by` are the
    sensors with rows.
    `flags_right` says that the rule fired with the flags that the atomic deserves, whatever is known of its gaps.
    """

    of: str
    family: str
    name: str
    held_out: bool
    equivalence: Literal["identical", "covers", "different", "none", "unknown"]
    differences: list[str] = Field(default_factory=list)
    seen_by: list[str] = Field(default_factory=list)
    flags_right: bool = False

    @classmethod
    def of_skipped(cls, variant: Variant) -> VariantResult:
        """For a variant that was not detonated."""
        names = {"of": variant.of, "family": variant.family, "name": variant.name}
        return cls(**names, held_out=variant.held_out, equivalence="unknown")

    @property
    def equivalent(self) -> bool:
        """Whether it does at least what the other does."""
        return self.equivalence in ("identical", "covers")


class Inputs(_Part):
    """Digests (SHA-256) of the rule's query and of what was expected; empty in results of before there were any."""

    rule: str = ""
    expectation: str = ""


class RuleFacts(_Part):
    """A rule as it was judged: the name of its file, and its query."""

    rule: str
    version: str
    query: str


class AtomicResult(_Part):
    """One atomic under one rule. `at` is the expectation's position; `benign` the family of a benign run.

    `may_skip` is why the expectation allows it to be skipped.
    """

    atomic: str
    guid: str
    name: str
    technique: str
    rule: str
    at: str
    inputs: Inputs = Field(default_factory=Inputs)
    verdict: Verdict
    reason: str
    executed: Executed
    health: list[SensorHealth] = Field(default_factory=list)
    signals: list[SignalResult] = Field(default_factory=list)
    fired: Fired
    flags: dict[str, Flag] = Field(default_factory=dict)
    alerts: list[Alert] = Field(default_factory=list)
    near_miss: NearMiss | None = None
    latency: Latency = Field(default_factory=Latency)
    benign: str = ""
    may_skip: str = ""
    variant: VariantResult | None = None


class Background(_Part):
    """What the rule said of everything that no atomic did: each alert there is a false positive."""

    rows: dict[str, int] = Field(default_factory=dict)
    alerts: dict[str, list[Alert]] = Field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of alerts, over all rules."""
        return sum(len(alerts) for alerts in self.alerts.values())


class Ambiguous(_Part):
    """What may be an atomic's doing or not: `rows` by table and `alerts` by rule, over all atomics.

    No alert here is credit, and none is a false positive; a verdict that hangs on one is INCONCLUSIVE.
    """

    rows: dict[str, int] = Field(default_factory=dict)
    alerts: dict[str, list[Alert]] = Field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of rows, over all tables."""
        return sum(self.rows.values())


class Recall(_Part):
    """How many variants of a family were executed, are equivalent to their atomic, made the rule fire, with its flags.

    `fired` and `flags_right` count equivalent variants only.
    """

    executed: int = 0
    equivalent: int = 0
    fired: int = 0
    flags_right: int = 0


class BenignRuns(_Part):
    """What a rule said of one family of benign runs. `commands` are all processes executed, `flags` alerts by flag."""

    commands: int = 0
    alerts: int = 0
    flags: dict[str, int] = Field(default_factory=dict)


class FlagCounts(_Part):
    """On how many alert rows a flag was set: those of attacks, and those of benign runs and the background."""

    attacks: int = 0
    benign: int = 0

    @property
    def precision(self) -> float | None:
        """The share of attacks; None where the flag was never set."""
        total = self.attacks + self.benign
        return self.attacks / total if total else None


class TuningResult(_Part):
    """A rule with an exclusion: benign alerts that are left, and attacks (variants among them) on which it fires."""

    name: str
    where: str
    alerts: int
    benign_alerts: int
    attacks: int
    fired: int

    @property
    def precision(self) -> float | None:
        """The share of alerts that attacks raised; None without any alert."""
        return (self.alerts - self.benign_alerts) / self.alerts if self.alerts else None

    @property
    def recall(self) -> float | None:
        """The share of attacks on which the rule still fires; None without any attack."""
        return self.fired / self.attacks if self.attacks else None


class RuleProof(_Part):
    """Whether a rule is proven: on how many attacks it fires, and in how many benign runs it is silent, both PROVEN.

    `reason` says what is missing; empty where nothing is. `undecided`: what could show it was inconclusive or skipped.
    """

    rule: str
    attacks: int
    benign: int
    reason: str = ""
    undecided: bool = False

    @property
    def proven(self) -> bool:
        """Whether nothing is missing."""
        return not self.reason


class Unjudged(_Part):
    """Something that was asked for and not judged.

    A `rule` without expectations, an `atomic` of which none speaks, an `expectation` without its atomic, a `skip` that
    its expectation does not allow for.
    """

    kind: Literal["rule", "atomic", "expectation", "skip"]
    name: str
    rule: str = ""
    reason: str
    at: str = ""


class EngineFacts(_Part):
    """What ran the KQL."""

    name: str
    versions: dict[str, str]


class Result(_Part):
    """Everything that one run or replay found. `summary` counts the verdicts.

    `unjudged` was asked for and not judged; with `all_required` it makes the exit code 1.
    `proofs` are of each rule, over all results of the command that made this one; none in older results.
    `rules` are by the digest of their query, as `inputs.rule` of each result has it; none in older results.
    By rule: `recall` by family of variants, `recall_split` the same for the variants that were `tuned` on and for those
    `held_out`; `benign` by family of benign runs; `flags` by flag; `tuning` with the rule as it is first.
    `tables_from` says what was read, and is empty in older results. Stored tables agree with the hashes and counts that
    were noted when they were made. `tables` says why they were built anew from the raw logs; empty where they were not.
    `tables_differ` names stored tables of this version that hold something else than the raw logs give.
    `copy_of` is another recording that was judged by the same command and has some of the same canaries: of the two
    only that one counts where results are put together. Empty where there is none.
    """

    schema_: Literal["livefire.result/1"] = Field(alias="schema", default="livefire.result/1")
    run_id: str
    recording: str
    started: Moment
    finished: Moment
    versions: dict[str, str]
    lab: LabFacts
    engine: EngineFacts
    rules: dict[str, RuleFacts] = Field(default_factory=dict)
    tables: str = ""
    tables_from: Literal["", "stored tables", "raw logs"] = ""
    tables_differ: list[str] = Field(default_factory=list)
    copy_of: str = ""
    results: list[AtomicResult]
    background: Background
    ambiguous: Ambiguous = Field(default_factory=Ambiguous)
    recall: dict[str, dict[str, Recall]] = Field(default_factory=dict)
    recall_split: dict[str, dict[str, Recall]] = Field(default_factory=dict)
    benign: dict[str, dict[str, BenignRuns]] = Field(default_factory=dict)
    flags: dict[str, dict[str, FlagCounts]] = Field(default_factory=dict)
    tuning: dict[str, list[TuningResult]] = Field(default_factory=dict)
    summary: dict[str, int]
    unjudged: list[Unjudged] = Field(default_factory=list)
    all_required: bool = False
    proofs: list[RuleProof] = Field(default_factory=list)
    exit_code: ExitCode


def counted(results: Sequence[Result]) -> list[Result]:
    """Those that are of captures of their own. Where all are copies, what they were made of is not there: then all."""
    return [result for result in results if not result.copy_of] or list(results)
