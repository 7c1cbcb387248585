"""An ATT&CK Navigator layer, format 4.5: how much of each technique is proven.

Format: https://github.com/mitre-attack/attack-navigator, layers/spec/v4.5/layerformat.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.files.documents import write_json_document
from harness.model.atomic_result import AtomicResult
from harness.model.result import Result
from harness.model.verdict import Verdict

_VERSIONS = {"attack": "18", "navigator": "5.2.0", "layer": "4.5"}  # the first Navigator that knows ATT&CK 18
_GRADIENT = {"colors": ["#ff6666", "#ffe766", "#8ec843"], "minValue": 0, "maxValue": 100}
_UNSCORED = "#bdbdbd"
_NOT_JUDGED = (Verdict.SKIPPED, Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class _Outcome:
    """A result, and the number of its recording."""

    recording: int
    result: AtomicResult

    @property
    def judged(self) -> bool:
        return self.result.verdict not in _NOT_JUDGED

    @property
    def proven(self) -> bool:
        """Whether the attack is proven to be detected. A rightly silent rule is PROVEN too, and covers nothing."""
        return self.result.verdict is Verdict.PROVEN and self.result.fired.actual

    @property
    def control(self) -> bool:
        """Whether the rule rightly gave no alert, so that this is no attack for it."""
        return self.result.verdict is Verdict.PROVEN and not self.result.fired.expected


def write_navigator(results: Sequence[Result], path: Path) -> None:
    """Write the layer of all results together."""
    write_json_document(json.dumps(to_layer(results), indent=1), path)


def to_layer(results: Sequence[Result]) -> dict[str, Any]:
    """One layer of all results, merged by technique.

    The score is the percentage of attacks on which at least one rule is PROVEN, rounded down, so that 100 means all. An
    attack counts once for each recording. The score leaves out benign runs, variants, atomics on which every rule is
    rightly silent, and the verdicts SKIPPED and INCONCLUSIVE.
    """
    by_technique: dict[str, list[_Outcome]] = {}
    for number, result in enumerate(results):
        for row in result.results:
            if not row.benign:
                by_technique.setdefault(row.technique, []).append(_Outcome(number, row))
    recordings = [f"{result.recording} ({result.run_id})" for result in results]
    techniques = {name: _technique(name, outcomes, recordings) for name, outcomes in sorted(by_technique.items())}
    for name in sorted(by_technique):
        if "." in name:  # the Navigator hides a sub-technique unless its parent shows it
            parent = name.partition(".")[0]
            techniques.setdefault(parent, {"techniqueID": parent})["showSubtechniques"] = True
    return {
        "name": "Livefire: proven coverage",
        "versions": _VERSIONS,
        "domain": "enterprise-attack",
        "description": "Score: the percentage of attacks, detonated and judged, on which a rule is proven.",
        "techniques": [techniques[name] for name in sorted(techniques)],
        "gradient": _GRADIENT,
        "legendItems": [{"label": "tested, but nothing could be judged", "color": _UNSCORED}],
    }


def _technique(name: str, outcomes: list[_Outcome], recordings: list[str]) -> dict[str, Any]:
    attacks = _attacks([outcome for outcome in outcomes if outcome.judged and not outcome.result.variant])
    proven = sum(any(outcome.proven for outcome in of_one) for of_one in attacks)
    head: dict[str, Any] = {"techniqueID": name}
    if attacks:  # without `color`, which would override that of the score, also where layers are combined
        rules = len({outcome.result.rule for outcome in outcomes})
        together = f", by {rules} rules together" if rules > 1 else ""
        comment = f"{proven} of {len(attacks)} attacks proven{together}"
        head |= {"score": 100 * proven // len(attacks), "comment": comment}
    else:
        head |= {"color": _UNSCORED, "comment": "no score: no attack that a rule must find was judged"}
    metadata = [_entry("recording", recordings[number]) for number in sorted({o.recording for o in outcomes})]
    for rule in sorted({outcome.result.rule for outcome in outcomes}):
        metadata += [{"divider": True}, *_rule([o for o in outcomes if o.result.rule == rule], rule)]
    return head | {"metadata": metadata}


def _attacks(outcomes: list[_Outcome]) -> list[list[_Outcome]]:
    """The outcomes of each attack in each recording, under all rules; without atomics that are no attack for any."""
    by_attack: dict[tuple[int, str], list[_Outcome]] = {}
    for outcome in outcomes:
        by_attack.setdefault((outcome.recording, outcome.result.atomic), []).append(outcome)
    return [of_one for of_one in by_attack.values() if not all(outcome.control for outcome in of_one)]


def _rule(outcomes: list[_Outcome], rule: str) -> list[dict[str, Any]]:
    """The entries of one rule for a technique."""
    plain = [outcome for outcome in outcomes if not outcome.result.variant]
    attacks = _attacks([outcome for outcome in plain if outcome.judged])
    proven = sum(any(outcome.proven for outcome in of_one) for of_one in attacks)
    entries = [_entry("rule", rule), _entry("proven", f"{proven} of {len(attacks)} attacks")]
    controls = sum(outcome.control for outcome in plain)
    if controls:
        entries.append(_entry("rightly silent", str(controls)))
    entries.append(_entry("verdicts", _counts(plain)))
    variants = [outcome for outcome in outcomes if outcome.result.variant]
    if variants:
        entries += [_entry("variants found", _recall(variants)), _entry("verdicts of variants", _counts(variants))]
    return entries


def _counts(outcomes: list[_Outcome]) -> str:
    counts = Counter(outcome.result.verdict for outcome in outcomes)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def _recall(variants: list[_Outcome]) -> str:
    """The share of equivalent variants on which the rule fires, whatever its flags."""
    ran = [outcome for outcome in variants if outcome.judged and outcome.result.verdict is not Verdict.NOT_EXECUTED]
    same = [outcome for outcome in ran if outcome.result.variant and outcome.result.variant.equivalent]
    fired = sum(outcome.result.fired.actual for outcome in same)
    return f"{fired} of {len(same)} ({100 * fired // len(same)} %)" if same else "none was judged"


def _entry(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}
