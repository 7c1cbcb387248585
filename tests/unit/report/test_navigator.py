"""The Navigator layer: it is as its format wants, and its score says what verdicts say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import AtomicResult, VariantResult
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.report.navigator import to_layer, write_navigator
from tests.conftest import COMMITTED, EXPECTATIONS

TECHNIQUE = "T1059.013"
JUDGED = [verdict for verdict in Verdict if verdict not in (Verdict.SKIPPED, Verdict.INCONCLUSIVE)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(_Strict):
    name: str = Field(min_length=1)
    value: str = Field(min_length=1)


class Divider(_Strict):
    divider: bool


class Technique(_Strict):
    techniqueID: str = Field(pattern=r"^T\d{4}(\.\d{3})?$")
    score: int | None = Field(default=None, ge=0, le=100)
    color: str = Field(default="", pattern=r"^(#[0-9a-f]{6})?$")
    comment: str = ""
    metadata: list[Metadata | Divider] = []
    showSubtechniques: bool = False


class Gradient(_Strict):
    colors: list[str] = Field(min_length=2)
    minValue: Literal[0]
    maxValue: Literal[100]


class Versions(_Strict):
    attack: str = Field(pattern=r"^\d+$")
    navigator: str = Field(pattern=r"^(4\.9\.\d+|[5-9]\.\d+\.\d+)$")
    layer: Literal["4.5"]


class LegendItem(_Strict):
    label: str
    color: str


class Layer(_Strict):
    """What layers/spec/v4.5/layerformat.md allows, as far as it is used; `filters` is left to the Navigator."""

    name: str = Field(min_length=1)
    versions: Versions
    domain: Literal["enterprise-attack", "mobile-attack", "ics-attack"]
    description: str
    techniques: list[Technique]
    gradient: Gradient
    legendItems: list[LegendItem]

    def of(self, name: str) -> Technique:
        (found,) = [technique for technique in self.techniques if technique.techniqueID == name]
        return found


def layer(*results: Result) -> Layer:
    return Layer.model_validate_json(json.dumps(to_layer(results)))


def told(technique: Technique) -> list[tuple[str, str]]:
    return [(entry.name, entry.value) for entry in technique.metadata if isinstance(entry, Metadata)]


@pytest.fixture(scope="module")
def proven() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


def attack(base: AtomicResult, name: str, verdict: Verdict, **changes: Any) -> AtomicResult:
    """An attack with a verdict; one that is silent where an alert is expected of the rule, unless it is PROVEN."""
    fired = base.fired.model_copy(update={"actual": verdict is Verdict.PROVEN})
    return base.model_copy(update={"atomic": name, "verdict": verdict, "fired": fired} | changes)


def holding(result: Result, *outcomes: AtomicResult) -> Result:
    return result.model_copy(update={"results": list(outcomes)})


def test_the_committed_recording_gives_a_whole_layer(proven: Result, tmp_path: Path) -> None:
    write_navigator([proven], tmp_path / "layer.json")
    found = Layer.model_validate_json((tmp_path / "layer.json").read_text(encoding="utf-8"))
    technique = found.of(TECHNIQUE)
    assert technique.score == 100
    assert technique.comment == "3 of 3 attacks proven"
    assert not technique.color  # it would outdo the gradient
    assert ("rule", "container-cli-api") in told(technique)
    assert ("verdicts", "3 PROVEN") in told(technique)
    assert any(name == "recording" and proven.run_id in value for name, value in told(technique))


def test_the_parent_of_a_sub_technique_is_unfolded(proven: Result) -> None:
    other = attack(proven.results[0], "T1610/a", Verdict.PROVEN, technique="T1610")
    found = layer(holding(proven, *proven.results, other))
    assert [each.techniqueID for each in found.techniques] == ["T1059", TECHNIQUE, "T1610"]
    assert found.of("T1059").showSubtechniques
    assert found.of("T1059").score is None
    assert not found.of("T1610").showSubtechniques


def test_a_parent_that_was_tested_itself_keeps_its_score(proven: Result) -> None:
    parent = attack(proven.results[0], "T1059/a", Verdict.RULE_SILENT, technique="T1059")
    found = layer(holding(proven, parent, *proven.results))
    assert (found.of("T1059").score, found.of("T1059").showSubtechniques) == (0, True)


@given(st.lists(st.sampled_from(list(Verdict)), min_size=1, max_size=12))
def test_the_score_is_the_share_of_judged_attacks_that_are_proven(proven: Result, verdicts: list[Verdict]) -> None:
    outcomes = [attack(proven.results[0], f"{TECHNIQUE}/{n}", verdict) for n, verdict in enumerate(verdicts)]
    technique = layer(holding(proven, *outcomes)).of(TECHNIQUE)
    judged = [verdict for verdict in verdicts if verdict in JUDGED]
    if judged:
        assert technique.score == 100 * judged.count(Verdict.PROVEN) // len(judged)
        assert (technique.score == 100) == (set(judged) == {Verdict.PROVEN})
    else:
        assert technique.score is None
        assert technique.comment.startswith("no score")
        assert technique.color


def test_a_known_gap_is_not_covered_and_a_control_is_no_attack(proven: Result) -> None:
    base = proven.results[0]
    silent = base.fired.model_copy(update={"actual": False, "expected": False})
    gap = attack(base, "gap", Verdict.KNOWN_GAP, fired=silent)
    control = attack(base, "control", Verdict.PROVEN, fired=silent)
    benign = attack(base, "benign", Verdict.PROVEN, benign="ci-pipeline", fired=silent)
    technique = layer(holding(proven, base, gap, control, benign)).of(TECHNIQUE)
    assert technique.score == 50
    assert ("rightly silent", "1") in told(technique)
    only = layer(holding(proven, control)).of(TECHNIQUE)
    assert only.score is None
    assert only.comment.startswith("no score")
    assert layer(holding(proven, benign)).techniques == []


def test_variants_are_counted_apart(proven: Result) -> None:
    base = proven.results[0]
    names = {"of": base.atomic, "family": "quoting", "held_out": False}
    same = VariantResult(**names, name="a", equivalence="identical")
    outcomes = [
        attack(base, "~a", Verdict.PROVEN, variant=same),
        attack(base, "~b", Verdict.KNOWN_GAP, variant=same),
        attack(base, "~c", Verdict.SKIPPED, variant=same),
        attack(base, "~d", Verdict.NOT_EXECUTED, variant=same.model_copy(update={"equivalence": "none"})),
    ]
    technique = layer(holding(proven, base, *outcomes)).of(TECHNIQUE)
    assert technique.score == 100
    assert ("variants found", "1 of 2 (50 %)") in told(technique)
    assert ("verdicts of variants", "1 NOT_EXECUTED, 1 KNOWN_GAP, 1 PROVEN, 1 SKIPPED") in told(technique)


def test_an_attack_is_covered_when_one_rule_is_proven_on_it(proven: Result) -> None:
    base = proven.results[0]
    blind = attack(base, base.atomic, Verdict.KNOWN_GAP, rule="other")
    missed = attack(base, "missed", Verdict.RULE_SILENT, rule="other")
    technique = layer(holding(proven, base, blind, missed)).of(TECHNIQUE)
    assert technique.score == 50
    assert technique.comment == "1 of 2 attacks proven, by 2 rules together"
    assert [value for name, value in told(technique) if name == "proven"] == ["1 of 1 attacks", "0 of 2 attacks"]


def test_recordings_merge(proven: Result) -> None:
    base = proven.results[0]
    later = proven.model_copy(
        update={
            "recording": "second",
            "results": [
                attack(base, base.atomic, Verdict.RULE_SILENT),
                attack(base, "T1610/a", Verdict.PROVEN, technique="T1610"),
            ],
        }
    )
    found = layer(proven, later)
    assert found.of(TECHNIQUE).score == 75
    assert found.of("T1610").score == 100
    names = [value for name, value in told(found.of(TECHNIQUE)) if name == "recording"]
    assert len(names) == 2
    assert names[1].startswith("second (")
    assert [name for name, _ in told(found.of("T1610"))].count("recording") == 1
