"""Which variants come with a selection."""

from __future__ import annotations

import pytest

from harness.errors import NothingSelected
from harness.evasion.variant_choice import check_pins, is_whole, with_all, with_marked
from harness.files.catalog import find_atomics
from harness.files.expectation_file import load_expectations
from harness.model.atomic import Atomic
from harness.model.expectation import Expectation, KnownEvasion
from tests.conftest import EXPECTATIONS, MAIN_JOB, PROJECT


@pytest.fixture(scope="module")
def atomics() -> dict[str, Atomic]:
    return {atomic.id: atomic for atomic in find_atomics([PROJECT / "atomics"])}


@pytest.fixture(scope="module")
def expectations() -> list[Expectation]:
    return load_expectations(EXPECTATIONS)


def test_marked_atomics_are_followed_by_their_variants(
    atomics: dict[str, Atomic], expectations: list[Expectation]
) -> None:
    chosen = [atomics["T1059.013/docker-ps"], atomics[MAIN_JOB[0]]]
    first, second, *rest = with_marked(chosen, expectations)
    assert [first, second] == chosen
    assert rest
    assert all(each.variant and each.variant.of == MAIN_JOB[0] for each in rest)


def test_a_family_limits_them(atomics: dict[str, Atomic]) -> None:
    _, *rest = with_all([atomics[MAIN_JOB[1]]], ["management-verbs"])
    assert {each.variant.family for each in rest if each.variant} == {"management-verbs"}


def test_what_cannot_be_had_is_said(atomics: dict[str, Atomic]) -> None:
    with pytest.raises(NothingSelected, match="no evasion family 'managment-verbs'") as caught:
        with_all([atomics[MAIN_JOB[1]]], ["managment-verbs"])
    assert caught.value.hint == "Did you mean 'management-verbs'?"
    with pytest.raises(NothingSelected, match="no family knows another way"):
        with_all([atomics["T1059.013/docker-ps"]], [])


def test_single_atomics_are_no_whole_run(atomics: dict[str, Atomic]) -> None:
    chosen = [atomics[MAIN_JOB[0]]]
    assert not is_whole(chosen, [MAIN_JOB[0].upper()])
    assert not is_whole(chosen, [chosen[0].guid])
    assert is_whole(chosen, ["T1059.013"])
    assert is_whole(chosen, [])


def test_a_pin_must_name_a_variant_that_there_is(atomics: dict[str, Atomic], expectations: list[Expectation]) -> None:
    assert check_pins(expectations, atomics.values()) == []
    exec_ = next(e for e in expectations if e.atomic == "T1059.013/docker-exec")
    exec_.entry.evasions.append(KnownEvasion(variants=["wrappers.envv"], reason="x"))
    try:
        (problem,) = check_pins([exec_], atomics.values())
    finally:
        exec_.entry.evasions.pop()
    assert "has no variant 'wrappers.envv'" in problem.message
    assert problem.hint.startswith("Did you mean 'wrappers.env")
