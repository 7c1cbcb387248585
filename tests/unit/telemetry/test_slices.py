"""The names of slices: whose doing a row is, or may be."""

from __future__ import annotations

import pytest

from harness.model.manifest import BACKGROUND, HARNESS
from harness.telemetry.schema import ambiguous, may_be_of, one_of

A, B, C = "T1/a", "T1/b", "T1/c"


@pytest.mark.parametrize(
    ("slices", "slice_"),
    [
        ([], ""),
        ([A, A], A),
        ([HARNESS, BACKGROUND], BACKGROUND),
        ([A, BACKGROUND], ambiguous(A)),
        ([A, HARNESS], ambiguous(A)),
        ([B, A], ambiguous(A, B)),
        ([ambiguous(A), BACKGROUND], ambiguous(A)),
        ([ambiguous(A), B], ambiguous(A, B)),
        ([ambiguous(B), ambiguous(C, A)], ambiguous(A, B, C)),
    ],
)
def test_what_several_may_have_done_names_each_of_them(slices: list[str], slice_: str) -> None:
    assert one_of(slices) == slice_


@pytest.mark.parametrize(
    ("slice_", "atomics"),
    [(ambiguous(B, A), (A, B)), (ambiguous(A), (A,)), (A, ()), (BACKGROUND, ()), ("", ())],
)
def test_whose_an_ambiguous_row_may_be(slice_: str, atomics: tuple[str, ...]) -> None:
    assert may_be_of(slice_) == atomics
