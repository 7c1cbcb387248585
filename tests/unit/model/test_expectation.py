"""What an expectation may say, and what contradicts itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InvalidFiles, InvalidInput
from harness.files.expectation_file import load_expectations
from harness.model.expectation import Expectation
from harness.model.variant import Variant
from tests.conftest import EXPECTATIONS

SIGNAL = "[{name: n, sensor: auditd, kql: Auditd_CL}]"
FULL = f"  - {{atomic: T1/a, oracle: {SIGNAL}, signals: {SIGNAL}, REST}}\n"


def load(folder: Path, *entries: str, head: str = "", name: str = "rule") -> list[Expectation]:
    (folder / f"{name}.yaml").write_text(EXPECTATIONS.with_name("container-cli-api.yaml").read_text())
    path = folder / f"{name}.expect.yaml"
    path.write_text(f"{head}expectations:\n{''.join(entries)}")
    return load_expectations(path)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("fires: true", "a rule that fires needs its exact flags"),
        ("fires: false, flags: {A: true}", "has no flags, rows or companions"),
        ("fires: true, flags: {A: true}, benign: ci", "a rule must not fire on a benign run"),
        ("fires: false, false_alarms: 2, known_gap: x", "false_alarms are for a benign run"),
        ("fires: false, benign: ci, false_alarms: 2", "known_gap must say why they are raised"),
        ("fires: false, benign: ci, known_gap: x", "say how many with false_alarms"),
        ("fires: false, evade: true", "evade and evasions are for an atomic on which the rule fires"),
        ("fires: true, flags: {A: false}, grounds: {A: [x]}", "grounds are for a flag that is expected to be true"),
    ],
)
def test_what_contradicts_itself_is_a_mistake_at_its_place(tmp_path: Path, rest: str, message: str) -> None:
    with pytest.raises(InvalidFiles, match=message) as caught:
        load(tmp_path, FULL.replace("REST", rest))
    assert str(caught.value).startswith(f"{tmp_path / 'rule.expect.yaml'}:2:")


@pytest.mark.parametrize(("words", "message"), [("[]", "must not be empty"), ("[' ']", "should match pattern")])
def test_grounds_that_name_no_word_are_a_mistake(tmp_path: Path, words: str, message: str) -> None:
    with pytest.raises(InvalidFiles, match=message) as caught:
        load(tmp_path, FULL.replace("REST", f"fires: true, flags: {{A: true}}, grounds: {{A: {words}}}"))
    assert "grounds" in str(caught.value)


def test_a_benign_run_may_have_false_alarms_for_a_reason(tmp_path: Path) -> None:
    (found,) = load(tmp_path, FULL.replace("REST", "fires: false, benign: ci, false_alarms: 2, known_gap: x"))
    assert (found.entry.benign, found.rows) == ("ci", 2)


def test_a_rule_may_fire_with_flags_that_are_known_to_be_wrong(tmp_path: Path) -> None:
    (found,) = load(tmp_path, FULL.replace("REST", "fires: true, flags: {A: false}, known_gap: x"))
    assert (found.entry.fires, found.entry.known_gap, found.rows) == (True, "x", 1)


def test_oracle_and_signals_may_come_from_the_expectations_of_another_rule(tmp_path: Path) -> None:
    load(tmp_path, FULL.replace("REST", "fires: false"), name="other")
    head = "signals_from: other.expect.yaml\ncompanions: [{reason: r, where: x}]\n"
    (found,) = load(tmp_path, "  - {atomic: T1/a, fires: false}\n", head=head)
    assert [signal.name for signal in [*found.entry.oracle, *found.entry.signals]] == ["n", "n"]
    assert [companion.where for companion in found.companions] == ["x"]


def test_an_atomic_without_an_oracle_anywhere_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidFiles, match="'T1/b' has no oracle"):
        load(tmp_path, "  - {atomic: T1/b, fires: false}\n")


def test_an_atomic_that_the_other_file_does_not_have_is_named_with_the_closest(tmp_path: Path) -> None:
    load(tmp_path, FULL.replace("REST", "fires: false"), name="other")
    with pytest.raises(InvalidFiles, match=r"'T1/aa' has no oracle\n.*has no such atomic. Did you mean 'T1/a'"):
        load(tmp_path, "  - {atomic: T1/aa, fires: false}\n", head="signals_from: other.expect.yaml\n")


def test_another_file_that_there_is_not_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load(tmp_path, "  - {atomic: T1/a, fires: false}\n", head="signals_from: nowhere.expect.yaml\n")


def test_a_variant_is_named_by_its_atomic_family_and_name() -> None:
    variant = Variant(of="T1/a", family="quoting", name="double-space")
    assert (variant.id, variant.key) == ("T1/a~quoting.double-space", "quoting.double-space")


def test_about_a_third_of_the_variants_is_held_out_and_always_the_same() -> None:
    held = [Variant(of="T1/a", family="f", name=str(number)).held_out for number in range(3000)]
    assert 900 < sum(held) < 1100
    assert held == [Variant(of="T1/a", family="f", name=str(number)).held_out for number in range(3000)]
