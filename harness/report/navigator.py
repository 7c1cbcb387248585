"""An ATT&CK Navigator layer, format 4.5: how much of each technique is proven, by verdicts and not by claims.

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
    """A result, and which of several recordings it is from."""

    recording: int
    result: AtomicResult

    @property
    def judged(self) -> bool:
        return self.result.verdict not in _NOT_JUDGED

    @property
    def proven(self) -> bool:
        """Proven to be found. That a rule is rightly silent is proven, too, and covers nothing."""
        return self.result.verdict is Verdict.PROVEN and self.result.fired.actual

    @property
    def control(self) -> bool:
        """Whether the rule owed no alert and gave none, so that this is no attack for it."""
        return self.result.verdict is Verdict.PROVEN and not self.result.fired.expected


def write_navigator(results: Sequence[Result], path: Path) -> None:
    """Write the layer of all results together."""
    write_json_document(json.dumps(to_layer(results), indent=1), path)


def to_layer(results: Sequence[Result]) -> dict[str, Any]:
    """One layer; results of several recordings merge, technique by technique.

    The score is the share of attacks on which a rule at least is PROVEN, rounded down, so that 100 means all. An attack
    that is detonated for several recordings counts once in each. Benign runs, variants, and atomics on which each rule
    is rightly silent are not in the score; SKIPPED and INCONCLUSIVE are neither for it nor against.
    """
    found: dict[str, list[_Outcome]] = {}
    for number, result in enumerate(results):
        for each in result.results:
            if not each.benign:
                found.setdefault(each.technique, []).append(_Outcome(number, each))
    recordings = [f"{result.recording} ({result.run_id})" for result in results]
    techniques = {name: _technique(name, outcomes, recordings) for name, outcomes in sorted(found.items())}
    for name in sorted(found):
        if "." in name:  # a sub-technique is folded away unless its parent says otherwise
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
    if attacks:  # without `color`: it would outdo the score's own, also where layers are combined
        rules = len({outcome.result.rule for outcome in outcomes})
        together = f", by {rules} rules together" if rules > 1 else ""
        comment = f"{proven} of {len(attacks)} attacks proven{together}"
        head |= {"score": 100 * proven // len(attacks), "comment": comment}
    else:
        head |= {"color": _UNSCORED, "comment": "no score: no attack that a rule must find was judged"}
    metadata = [_entry("recording", recordings[number]) for number in sorted({each.recording for each in outcomes})]
    for rule in sorted({outcome.result.rule for outcome in outcomes}):
        metadata += [{"divider": True}, *_rule([each for each in outcomes if each.result.rule == rule], rule)]
    return head | {"metadata": metadata}


def _attacks(outcomes: list[_Outcome]) -> list[list[_Outcome]]:
    """What all rules made of each attack in each recording, without those that are none for any rule."""
    found: dict[tuple[int, str], list[_Outcome]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.recording, outcome.result.atomic), []).append(outcome)
    return [of_one for of_one in found.values() if not all(outcome.control for outcome in of_one)]


def _rule(outcomes: list[_Outcome], rule: str) -> list[dict[str, Any]]:
    """What one rule made of a technique."""
    plain = [outcome for outcome in outcomes if not outcome.result.variant]
    attacks = _attacks([outcome for outcome in plain if outcome.judged])
    proven = sum(any(outcome.proven for outcome in of_one) for of_one in attacks)
    told = [_entry("rule", rule), _entry("proven", f"{proven} of {len(attacks)} attacks")]
    controls = sum(outcome.control for outcome in plain)
    if controls:
        told.append(_entry("rightly silent", str(controls)))
    told.append(_entry("verdicts", _counts(plain)))
    variants = [outcome for outcome in outcomes if outcome.result.variant]
    if variants:
        told += [_entry("variants found", _recall(variants)), _entry("verdicts of variants", _counts(variants))]
    return told


def _counts(outcomes: list[_Outcome]) -> str:
    counts = Counter(outcome.result.verdict for outcome in outcomes)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def _recall(variants: list[_Outcome]) -> str:
    """On how many of the variants that do the same as their atomic the rule fires, whatever its flags."""
    ran = [each for each in variants if each.judged and each.result.verdict is not Verdict.NOT_EXECUTED]
    same = [each for each in ran if each.result.variant and each.result.variant.equivalent]
    fired = sum(each.result.fired.actual for each in same)
    return f"{fired} of {len(same)} ({100 * fired // len(same)} %)" if same else "none was judged"


def _entry(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}
