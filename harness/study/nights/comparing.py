"""Two results compared: which verdicts and figures changed, for better or worse, and the cause of each change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.judge.recall import ORCHESTRATION
from harness.model.atomic_result import AtomicResult
from harness.model.comparison import Cause, Comparison, Difference, Kind, by_kind
from harness.model.result import Result, counted
from harness.model.rule_figures import Recall
from harness.model.verdict import Verdict
from harness.study.nights.causes import Seen, cause_of, changed
from harness.study.nights.rule_changes import changed_rules

BACKGROUND = "background"
PROOF = "proof of the rule"
# Causes that concern atomics only, so they can't change a figure of the background.
_OF_ATOMICS = (Cause.EXPECTATION, Cause.ATOMIC)


@dataclass(frozen=True)
class _Figure:
    """A count of a rule, in words and as a number that is higher when worse; None where it can't be compared."""

    text: str
    badness: float | None


def compare_results(old: Sequence[Result], new: Sequence[Result]) -> Comparison:
    """Compare two runs; each may have several results, such as those of several recordings.

    Results of copies are left out.
    """
    old, new = counted(old), counted(new)
    before, after = _seen(old), _seen(new)
    changes = [_verdict(before[key], after[key]) for key in after if key in before]
    differences = [change for change in changes if change]
    judged = {seen.result.rule for seen in before.values()}, {seen.result.rule for seen in after.values()}
    unjudged = dict.fromkeys(judged[1] - judged[0], "old") | dict.fromkeys(judged[0] - judged[1], "new")
    for cause, side, other_side in ((Cause.NEW, after, before), (Cause.GONE, before, after)):
        alone = [seen for key, seen in side.items() if key not in other_side and seen.result.rule not in unjudged]
        differences += [_only(cause, seen) for seen in alone]
    differences += _figures(old, new, list(before.values()), list(after.values()))
    return Comparison(
        old=tuple(result.run_id for result in old),
        new=tuple(result.run_id for result in new),
        inputs=changed(list(before.values()), list(after.values())),
        rules=changed_rules(old, new),
        unjudged=dict(sorted(unjudged.items())),
        **by_kind(differences),
    )


def _seen(results: Sequence[Result]) -> dict[tuple[str, str, int], Seen]:
    """Results by atomic, rule and a counter from 0, since several recordings may hold one atomic."""
    seen: dict[tuple[str, str, int], Seen] = {}
    times: Counter[tuple[str, str]] = Counter()
    for run in results:
        for result in run.results:
            key = (result.atomic, result.rule)
            seen[*key, times[key]] = Seen(run, result)
            times[key] += 1
    return seen


def _verdict(old: Seen, new: Seen) -> Difference | None:
    before, after = old.result.verdict, new.result.verdict
    if before is after:
        return None
    return _difference(_kind(before, after), new.result, (before, after), cause_of([old], [new]), new.result.reason)


def _kind(before: Verdict, after: Verdict) -> Kind:
    """The kind of a change of verdict. No longer being judged is a regression, since the verdict is unknown."""
    if after is Verdict.SKIPPED or (before.as_expected and not after.as_expected):
        return "regression"
    if after.as_expected and not before.as_expected:
        return "improvement"
    return "change"


def _only(cause: Cause, seen: Seen) -> Difference:
    """An atomic that only one side has. It is no regression, since the two runs were asked for different atomics."""
    verdict, result = seen.result.verdict, seen.result
    before, after = ("", str(verdict)) if cause is Cause.NEW else (str(verdict), "")
    detail = "only in the new result" if cause is Cause.NEW else "only in the old result"
    return _difference("change", result, (before, after), (cause, detail), result.reason if after else "")


def _difference(
    kind: Kind, of: AtomicResult, verdicts: tuple[str, str], why: tuple[Cause, str], reason: str
) -> Difference:
    (before, after), (cause, detail) = (str(verdict) for verdict in verdicts), why
    return Difference(
        kind=kind, atomic=of.atomic, rule=of.rule, before=before, after=after, cause=cause, detail=detail, reason=reason
    )


def _figures(old: Sequence[Result], new: Sequence[Result], before: list[Seen], after: list[Seen]) -> list[Difference]:
    """Changes of the counts by rule: alerts in the background, proof, recall and benign alerts by family."""
    differences: list[Difference] = []
    counts = _background(old), _background(new)
    for rule in sorted(counts[0].keys() & counts[1].keys()):
        olds, news = ([s for s in side if s.result.rule == rule] for side in (before, after))
        differences += _figure(BACKGROUND, rule, counts[0][rule], counts[1][rule], cause_of(olds, news, _OF_ATOMICS))
    proofs = _proofs(old), _proofs(new)
    for rule in sorted(proofs[0].keys() & proofs[1].keys()):
        olds, news = ([s for s in side if s.result.rule == rule] for side in (before, after))
        differences += _figure(PROOF, rule, proofs[0][rule], proofs[1][rule], cause_of(olds, news))
    for title, count, belongs in _BY_FAMILY:
        counted = count(old), count(new)
        for rule, family in sorted(counted[0].keys() & counted[1].keys()):
            olds, news = ([s for s in side if belongs(s, rule, family)] for side in (before, after))
            pair = counted[0][rule, family], counted[1][rule, family]
            differences += _figure(f"{title} {family}", rule, *pair, cause_of(olds, news, [Cause.EXPECTATION]))
    return differences


def _figure(name: str, rule: str, before: _Figure, after: _Figure, why: tuple[Cause, str]) -> list[Difference]:
    if before == after:
        return []
    kind: Kind = "change"
    if before.badness is not None and after.badness is not None and before.badness != after.badness:
        kind = "regression" if after.badness > before.badness else "improvement"
    cause, detail = why
    return [
        Difference(kind=kind, atomic=name, rule=rule, before=before.text, after=after.text, cause=cause, detail=detail)
    ]


def _background(results: Sequence[Result]) -> dict[str, _Figure]:
    counts: Counter[str] = Counter()
    for result in results:
        counts.update({rule: len(alerts) for rule, alerts in result.background.alerts.items()})
    return {rule: _Figure(_alerts(count), count) for rule, count in counts.items()}


def _proofs(results: Sequence[Result]) -> dict[str, _Figure]:
    """Whether each rule is proven. An atomic that left a run is no regression, but a rule that is unproven by it is."""
    proofs = {proof.rule: proof for result in results for proof in result.proofs}
    return {rule: _Figure("proven" if p.proven else p.reason, float(not p.proven)) for rule, p in proofs.items()}


def _recall(results: Sequence[Result]) -> dict[tuple[str, str], _Figure]:
    total: dict[tuple[str, str], Recall] = {}
    for result in results:
        for rule, families in result.recall.items():
            for family, one in families.items():
                sum_ = total.get((rule, family), Recall())
                update = {name: getattr(sum_, name) + getattr(one, name) for name in Recall.model_fields}
                total[rule, family] = Recall(**update)
    return {
        key: _Figure(f"{one.fired}/{one.equivalent}", -one.fired / one.equivalent if one.equivalent else None)
        for key, one in total.items()
    }


def _benign(results: Sequence[Result]) -> dict[tuple[str, str], _Figure]:
    """Alerts of benign runs, without those of the background, which have their own figure."""
    counts: Counter[tuple[str, str]] = Counter()
    for result in results:
        for rule, families in result.benign.items():
            counts.update({(rule, name): runs.alerts for name, runs in families.items() if name != ORCHESTRATION})
    return {key: _Figure(_alerts(count), count) for key, count in counts.items()}


def _alerts(count: int) -> str:
    return f"{count} alert{'' if count == 1 else 's'}"


def _is_variant(seen: Seen, rule: str, family: str) -> bool:
    return seen.result.rule == rule and seen.result.variant is not None and seen.result.variant.family == family


def _is_benign(seen: Seen, rule: str, family: str) -> bool:
    return seen.result.rule == rule and seen.result.benign == family


_Count = Callable[[Sequence[Result]], dict[tuple[str, str], _Figure]]
_BY_FAMILY: tuple[tuple[str, _Count, Callable[[Seen, str, str], bool]], ...] = (
    ("recall of", _recall, _is_variant),
    ("benign runs of", _benign, _is_benign),
)
