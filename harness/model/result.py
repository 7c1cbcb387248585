"""The result of a run or a replay, `livefire.result/1`: what the JSON holds and what each report reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from harness.model.atomic_result import Alert, AtomicResult
from harness.model.manifest import LabFacts
from harness.model.moment import Moment
from harness.model.part import Part
from harness.model.rule_figures import BenignRuns, FlagCounts, Recall, RuleFacts, RuleProof, TuningResult
from harness.model.verdict import ExitCode

SCHEMA = "livefire.result/1"


class Background(Part):
    """The rows that belong to no atomic, and the alerts on them: each alert is a false positive."""

    rows: dict[str, int] = Field(default_factory=dict)
    alerts: dict[str, list[Alert]] = Field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of alerts, over all rules."""
        return sum(len(alerts) for alerts in self.alerts.values())


class Ambiguous(Part):
    """What an atomic may have done, or not: `rows` by table and `alerts` by rule, over all atomics.

    An alert here is neither credit nor a false positive; a verdict that depends on one is INCONCLUSIVE.
    """

    rows: dict[str, int] = Field(default_factory=dict)
    alerts: dict[str, list[Alert]] = Field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of rows, over all tables."""
        return sum(self.rows.values())


class Unjudged(Part):
    """Something that was asked for and not judged.

    A `rule` without expectations, an `atomic` that no expectation names, an `expectation` without its atomic, a `skip`
    that its expectation does not allow.
    """

    kind: Literal["rule", "atomic", "expectation", "skip"]
    name: str
    rule: str = ""
    reason: str
    at: str = ""


class EngineFacts(Part):
    """What ran the KQL."""

    name: str
    versions: dict[str, str]


class Result(Part):
    """The result of one run or replay. `summary` counts the verdicts.

    `unjudged` was asked for and not judged; with `all_required` it makes the exit code 1.
    `proofs` has one for each rule, over all results of the same command; older results have none.
    `rules` are by the digest of their query, which is `inputs.rule` of each result; older results have none.
    By rule: `recall` by family of variants; `recall_split` the same for the variants that were `tuned` on and for those
    `held_out`; `benign` by family of benign runs; `flags` by flag; `tuning`, first for the rule as it is.
    `tables_from` says what was read, and is empty in older results. Stored tables agree with the hashes and counts that
    were noted when they were made. `tables` says why they were built anew from the raw logs; empty where they were not.
    `tables_differ` names stored tables of this version that differ from what the raw logs give.
    `copy_of` is another recording that the same command judged and that shares canaries with this one. Only that one
    counts where results are put together. Empty where there is none.
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
    """The results without those of copies; all of them where the original is not among them."""
    return [result for result in results if not result.copy_of] or list(results)
