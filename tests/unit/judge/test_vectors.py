"""Flags hold for each row by itself, in any order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.judge.vectors import compared, paired

A, B, BOTH = {"A": True, "B": False}, {"A": False, "B": True}, {"A": True, "B": True}


def exact(expected: list[dict[str, bool]], rows: list[dict[str, Any]], *, counted: bool = True) -> bool:
    flags = compared(paired(expected, rows, counted=counted), {})
    return bool(flags) and all(flag.right for flag in flags.values())


def test_two_rows_with_one_flag_each_are_not_one_row_with_both() -> None:
    assert not exact([BOTH], [A, B])
    assert not exact([BOTH, BOTH], [A, B])
    assert not exact([BOTH], [A, B], counted=False)


def test_the_rows_come_in_any_order() -> None:
    assert exact([A, B], [B, A])
    assert not exact([A, B], [A, A])
    assert not exact([A, A, B], [A, B, B])


def test_where_rows_are_not_counted_each_has_a_vector_and_each_vector_a_row() -> None:
    assert exact([A, B], [A, B, B], counted=False)
    assert not exact([A, B], [A, A], counted=False)
    assert not exact([A], [A, B], counted=False)


def test_what_is_no_boolean_is_no_flag() -> None:
    assert not exact([A], [{"A": 1, "B": False}])
    assert not exact([A], [{"A": None, "B": False}])
    assert not exact([A], [{"A": True}])


def test_the_flag_that_disagrees_is_the_one_that_is_told() -> None:
    flags = compared(paired([A, B], [A, BOTH]), {"A": {"x": False}})
    assert (flags["A"].expected, flags["A"].actual, flags["A"].grounds) == (False, True, {"x": False})
    assert flags["B"].right


def test_what_has_no_partner() -> None:
    assert paired([A], [A, B]) == [(A, A)]
    assert paired([A], [A, B], counted=False) == [(A, A), (A, B)]
    assert paired([B, A, BOTH], [A, BOTH], counted=False) == [(A, A), (BOTH, BOTH), (B, BOTH)]
    assert paired([A], [], counted=False) == []
    assert paired([], [A], counted=False) == []
    assert compared([], {}) == {}


vectors = st.lists(st.fixed_dictionaries({"A": st.booleans(), "B": st.booleans()}), min_size=1, max_size=5)


@given(vectors, st.randoms())
def test_a_shuffle_is_exact(expected: list[dict[str, bool]], random: Any) -> None:
    rows = list(expected)
    random.shuffle(rows)
    assert exact(expected, rows)


@given(vectors, vectors)
def test_as_many_other_rows_are_exact_only_where_they_are_the_same_ones(
    expected: list[dict[str, bool]], rows: list[dict[str, bool]]
) -> None:
    same = sorted(v["A"] + 2 * v["B"] for v in expected) == sorted(v["A"] + 2 * v["B"] for v in rows)
    if len(expected) == len(rows):
        assert exact(expected, rows) == same
