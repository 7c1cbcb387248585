"""What is not as expected, by reason: many results that failed for one reason are one thing to mend."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.model.atomic_result import AtomicResult
from harness.model.verdict import Verdict
from harness.report.html.chain import Step, chain
from harness.report.html.rule_lines import Excerpt, RuleTexts
from harness.report.html.subject import Subject
from harness.report.html.terms import unmatched

GRAVITY = (
    Verdict.RULE_SILENT,
    Verdict.WRONG_FLAGS,
    Verdict.UNEXPECTED_ALERT,
    Verdict.NO_TELEMETRY,
    Verdict.NOT_EXECUTED,
    Verdict.INCONCLUSIVE,
)


@dataclass
class Unmet:
    """A result that is not as expected, and all the rules under which it is the same."""

    subject: Subject
    result: AtomicResult
    rules: list[str]


@dataclass
class Failing:
    """A verdict and its reason, and all that it befell; the first of them is explained in full.

    `rejecting` are the rule's lines that rejected the closest row, `unmatched` why in words; `flagging` are those that
    set the flags that are wrong.
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
        """The one that is explained."""
        return self.members[0]

    @property
    def tally(self) -> str:
        """How many atomics, benign runs and variants these are, in words."""
        kinds = {"atomic": 0, "benign run": 0, "variant": 0}
        for each in self.members:
            kinds["variant" if each.result.variant else "benign run" if each.result.benign else "atomic"] += 1
        return ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in kinds.items() if n)


def failings(subjects: Iterable[Subject], prefix: str, texts: RuleTexts) -> list[Failing]:
    """What is not as expected, without what was skipped: atomics before variants, the rules' failings first."""
    found: dict[tuple[Verdict, str, tuple[str, ...]], list[Unmet]] = {}
    for each in _ordered(subjects):
        found.setdefault((each.result.verdict, each.result.reason, tuple(each.rules)), []).append(each)
    listed = []
    for number, ((verdict, why, rules), members) in enumerate(found.items(), 1):
        result = members[0].result
        failing = Failing(f"{prefix}-u{number}", verdict, why, list(rules), members, chain(result))
        failing.rejecting, failing.flagging = texts.around(result), texts.of_flags(result)
        if result.near_miss:
            failing.unmatched = unmatched(texts.query(result), result.near_miss)
        listed.append(failing)
    return listed


def _ordered(subjects: Iterable[Subject]) -> list[Unmet]:
    found: list[Unmet] = []
    for subject in subjects:
        alike: dict[tuple[Verdict, str], Unmet] = {}
        for row in subject.rows:
            each = row.result
            if each.verdict in GRAVITY:
                alike.setdefault((each.verdict, each.reason), Unmet(subject, each, [])).rules.append(each.rule)
        found += alike.values()
    return sorted(found, key=lambda each: (bool(each.result.variant), GRAVITY.index(each.result.verdict)))
