"""What is not as expected, by reason: results that failed for the same reason have the same fix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.model.atomic_result import AtomicResult
from harness.model.verdict import GRAVITY, Verdict
from harness.report.html.chain import Step, chain
from harness.report.html.rule_lines import Excerpt, RuleTexts
from harness.report.html.subject import Subject
from harness.report.html.terms import unmatched


@dataclass
class Unmet:
    """A result that is not as expected, and all the rules under which it is the same."""

    subject: Subject
    result: AtomicResult
    rules: list[str]


@dataclass
class Failing:
    """A verdict and its reason, and all results with them; the first is explained in full.

    `rejecting` are the lines of the rule that rejected the closest row, `unmatched` says why in words; `flagging` are
    the lines that set the wrong flags.
    """

    anchor: str
    verdict: Verdict
    reason: str
    rules: list[str]
    members: list[Unmet]
    steps: list[Step] = field(default_factory=list)
    rejecting: Excerpt = field(default_factory=Excerpt)
    flagging: Excerpt = field(default_factory=Excerpt)
    unmatched: str = ""

    @property
    def first(self) -> Unmet:
        """The result that is explained."""
        return self.members[0]

    @property
    def tally(self) -> str:
        """The number of atomics, benign runs and variants, in words."""
        kinds = {"atomic": 0, "benign run": 0, "variant": 0}
        for member in self.members:
            kinds["variant" if member.result.variant else "benign run" if member.result.benign else "atomic"] += 1
        return ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in kinds.items() if n)


def failings(subjects: Iterable[Subject], prefix: str, texts: RuleTexts) -> list[Failing]:
    """The failings, without skipped subjects: atomics before variants, failures of the rule first."""
    by_reason: dict[tuple[Verdict, str, tuple[str, ...]], list[Unmet]] = {}
    for unmet in _ordered(subjects):
        by_reason.setdefault((unmet.result.verdict, unmet.result.reason, tuple(unmet.rules)), []).append(unmet)
    listed = []
    for number, ((verdict, why, rules), members) in enumerate(by_reason.items(), 1):
        result = members[0].result
        failing = Failing(f"{prefix}-u{number}", verdict, why, list(rules), members, chain(result))
        failing.rejecting, failing.flagging = texts.around(result), texts.of_flags(result)
        if result.near_miss:
            failing.unmatched = unmatched(texts.query(result), result.near_miss)
        listed.append(failing)
    return listed


def _ordered(subjects: Iterable[Subject]) -> list[Unmet]:
    all_unmet: list[Unmet] = []
    for subject in subjects:
        alike: dict[tuple[Verdict, str], Unmet] = {}
        for row in subject.rows:
            result = row.result
            if result.verdict.unmet:
                alike.setdefault((result.verdict, result.reason), Unmet(subject, result, [])).rules.append(result.rule)
        all_unmet += alike.values()
    return sorted(all_unmet, key=lambda unmet: (bool(unmet.result.variant), GRAVITY.index(unmet.result.verdict)))
