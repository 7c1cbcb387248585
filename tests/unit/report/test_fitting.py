"""Text made safe and made to fit: names fold at their separators, commands keep their lines."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.fitting import folded
from harness.text import visible_lines


@pytest.mark.parametrize(
    ("name", "width", "lines"),
    [
        ("docker-exec", 20, ["docker-exec"]),
        ("container-api-hardened", 12, ["container-", "api-hardened"]),
        ("a/docker-exec~wrappers.sh_c", 12, ["a/docker-", "exec~", "wrappers.sh_", "c"]),
        ("two words", 5, ["two", "words"]),
        ("unbreakable", 4, ["unbr", "eaka", "ble"]),
        ("", 4, [""]),
    ],
)
def test_a_name_is_folded_after_a_separator(name: str, width: int, lines: list[str]) -> None:
    assert folded(name, width) == lines


@given(st.text(alphabet="ab-./~_", max_size=60), st.integers(min_value=1, max_value=20))
def test_nothing_is_lost_and_a_word_is_broken_only_where_it_is_too_long(name: str, width: int) -> None:
    lines = folded(name, width)
    assert "".join(lines) == name
    assert all(len(line) <= width for line in lines)
    for line, after in pairwise(lines):
        if line[-1] not in "-./~_":
            assert len(re.split("[-./~_]", line)[-1] + re.split("(?<=[-./~_])", after)[0]) > width


@given(st.text(max_size=80), st.integers(min_value=1, max_value=9))
def test_lines_are_safe_and_bounded(text: str, most: int) -> None:
    lines = visible_lines(text, most)
    assert len(lines) <= most + 1
    assert not any(re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]", line) for line in lines)


def test_lines_that_are_left_out_are_counted() -> None:
    assert visible_lines("\na\n  b\n\nc\n", 9) == ["a", "  b", "", "c"]
    assert visible_lines("a\nb\nc\nd", 2) == ["a", "b", "… and 2 more lines"]
    assert visible_lines("a\nb\nc", 2) == ["a", "b", "… and 1 more line"]
    assert visible_lines("", 2) == []
