"""Whether a rule is proven: it fires on an attack and is silent on a benign run. One alone shows nothing.

A rule that fires on every `docker` passes all attacks, and a rule that never fires passes all benign runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.model.atomic_result import AtomicResult
from harness.model.result import Result
from harness.model.rule_figures import RuleProof
from harness.model.verdict import Verdict, exit_code

_OPEN = (Verdict.INCONCLUSIVE, Verdict.SKIPPED)  # they may still prove it next time


def settled(results: Sequence[Result]) -> list[Result]:
    """The results of one command, each with the proofs of the rules over all results, and its exit code."""
    proofs = prove_rules(results)
    return [
        result.model_copy(
            update={
                "proofs": proofs,
                "exit_code": exit_code((judged.verdict for judged in result.results), result.background.count, proofs),
            }
        )
        for result in results
    ]


def prove_rules(results: Iterable[Result]) -> list[RuleProof]:
    """A proof for each rule, in their order. Rules of one name are told apart by the files of their expectations."""
    by_rule: dict[tuple[str, str], list[AtomicResult]] = {}
    for result in (result for result in results if not result.copy_of):
        for judged in result.results:
            by_rule.setdefault((judged.rule, judged.at.rsplit(":", 2)[0]), []).append(judged)
    return [_proof(rule, judged) for (rule, _), judged in by_rule.items()]


def _proof(rule: str, judged: Sequence[AtomicResult]) -> RuleProof:
    attacks = [result for result in judged if result.fired.expected]
    benign = [result for result in judged if result.benign]
    fired = sum(result.verdict is Verdict.PROVEN and result.fired.actual for result in attacks)
    silent = sum(result.verdict is Verdict.PROVEN and not result.fired.actual for result in benign)
    missing = [
        *([] if fired else [("no attack on which it fires is proven", attacks)]),
        *([] if silent else [("no benign run in which it is silent is proven", benign)]),
    ]
    return RuleProof(
        rule=rule,
        attacks=fired,
        benign=silent,
        reason="; ".join(why for why, _ in missing),
        undecided=bool(missing) and all(any(result.verdict in _OPEN for result in of) for _, of in missing),
    )
