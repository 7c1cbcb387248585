"""What changed in a rule between two results: the lines of its query, where both hold its text."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from harness.model.comparison import RuleChange
from harness.model.result import Result
from harness.model.rule_figures import RuleFacts

_AROUND = 2


def changed_rules(old: Sequence[Result], new: Sequence[Result]) -> tuple[RuleChange, ...]:
    """Every rule that both sides judged, by queries that differ, in alphabetical order."""
    before, after = _digests(old), _digests(new)
    different = [rule for rule in sorted(before.keys() & after.keys()) if before[rule] != after[rule]]
    known = [rule for rule in different if "" not in before[rule] | after[rule]]
    return tuple(_change(rule, _text(old, before[rule]), _text(new, after[rule])) for rule in known)


def _digests(results: Sequence[Result]) -> dict[str, set[str]]:
    digests: dict[str, set[str]] = {}
    for case in (case for result in results for case in result.results):
        digests.setdefault(case.rule, set()).add(case.inputs.rule)
    return digests


def _text(results: Sequence[Result], digests: set[str]) -> RuleFacts | None:
    known = [result.rules[digest] for result in results for digest in digests if digest in result.rules]
    return known[0] if known and len(digests) == 1 else None


def _change(rule: str, old: RuleFacts | None, new: RuleFacts | None) -> RuleChange:
    versions = (old.version if old else "", new.version if new else "")
    if old is None or new is None:
        return RuleChange(rule=rule, versions=versions, lines=(), untold="new" if old else "old")
    lines = difflib.unified_diff(old.query.splitlines(), new.query.splitlines(), n=_AROUND, lineterm="")
    return RuleChange(rule=rule, versions=versions, lines=tuple(lines)[2:])
