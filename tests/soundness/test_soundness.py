"""Each sabotage of each claim ends in the verdict that is due: never in `PROVEN`, and it blames the right layer."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.model.verdict import Verdict
from tests.conftest import PROJECT
from tests.soundness import gaps, made, sensors
from tests.soundness.claims import CLAIMS
from tests.soundness.draft import BACKGROUND, REFUSED, judged
from tests.soundness.sabotage import CLI, Claim, attempt
from tests.soundness.summary import Tally


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name.replace(" ", "-"))
def test_a_claim_that_was_made_false_is_not_told(claim: Claim, record_property: Callable[[str, object], None]) -> None:
    tally, wrong = Tally(claim.name), list[str]()
    for sabotage in claim.sabotages():
        found = attempt(sabotage)
        tally.count(sabotage, found)
        if found:
            wrong.append(str(found))
    record_property("soundness", tally.as_property())
    assert not wrong, "\n".join(wrong)


def test_there_are_a_hundred_sabotages_of_each_kind_of_thing() -> None:
    each = [sabotage for claim in CLAIMS for sabotage in claim.sabotages()]
    assert len(each) >= 100
    assert len({str(sabotage) for sabotage in each}) == len(each)
    assert all(claim.elsewhere or claim.sabotages() for claim in CLAIMS)


def test_the_rule_of_which_the_proofs_are_sabotaged_is_proven() -> None:
    outcome = judged(gaps.both().draft(CLI, gaps.BOTH))
    assert outcome.result
    assert [(proof.proven, proof.reason) for proof in outcome.result.proofs] == [(True, "")]


def test_what_is_executed_in_a_container_is_an_alert_where_the_logs_are_whole() -> None:
    (sabotage, *_) = sensors.attributed()
    draft = sabotage.base.draft(CLI, [sabotage.atomic])
    sensors.in_containers(draft)
    assert judged(draft).of(sabotage.atomic)[0] == "UNEXPECTED_ALERT"


def test_a_judge_that_always_says_proven_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """This suite can fail."""
    monkeypatch.setattr("harness.judge.judge.decide", lambda *_: (Verdict.PROVEN, "of course"))
    others = {BACKGROUND, REFUSED, "INCONCLUSIVE"}  # who says so is not asked here
    due = [each for each in [*made.strangers()[:10], *made.flags()[:5]] if not each.right & others]
    assert len(due) >= 6
    found = [attempt(sabotage) for sabotage in due]
    assert all(each and each.false_proven for each in found)


def test_a_judge_that_blames_the_rule_for_all_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.judge.judge.decide", lambda *_: (Verdict.RULE_SILENT, "it must be the rule"))
    found = [attempt(sabotage) for sabotage in made.detonations()[:5]]
    assert [each for each in found if each and not each.false_proven]


@pytest.mark.parametrize("name", [name for claim in CLAIMS for name in claim.elsewhere])
def test_what_is_shown_elsewhere_is_there(name: str) -> None:
    file, _, test = name.partition("::")
    tree = ast.parse((PROJECT / Path(file)).read_text())
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
