"""Sizes and limits as they are given on a command line."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InvalidInput
from harness.kql.limits import MEMORY, TIME, Limits, limits_of
from harness.kql.size import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MB", 512_000_000), ("2GB", 2_000_000_000), ("1GiB", 1 << 30), ("1.5 kB", 1500), ("64KiB", 65536), ("7B", 7)],
)
def test_a_size_has_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@given(st.text(max_size=12).filter(lambda text: not text.endswith("B")))
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


@given(st.integers(0, 10**12))
def test_a_size_is_read_as_it_is_shown(size: int) -> None:
    assert abs(parse_size(format_size(size)) - size) <= size / 100


def test_a_size_is_shown_in_three_digits() -> None:
    assert [format_size(each) for each in (0, 999, 2_000_000_000, 1_536_000)] == ["0 B", "999 B", "2 GB", "1.54 MB"]


def test_what_is_given_by_default_are_the_defaults() -> None:
    assert limits_of(TIME, MEMORY) == Limits()


@pytest.mark.parametrize(
    ("time", "memory", "said"),
    [
        ("0s", "2GB", "--query-timeout 0s: a query needs more time than 0"),
        ("soon", "2GB", "--query-timeout soon: 'soon' is no duration: write 5m, 1h, 14d, or PT5M, PT1H, P14D"),
        ("60s", "1kB", "--query-memory 1kB: an engine needs at least 32 MB"),
        ("60s", "much", "--query-memory much: 'much' is no size: write 512MB, 2GB or 1GiB"),
    ],
)
def test_what_can_not_be_is_refused_by_its_option(time: str, memory: str, said: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        limits_of(time, memory)
    assert str(raised.value) == said


def test_what_command_lines_say_of_limits_costs_no_engine() -> None:
    code = "import harness.kql.limits, sys; print([name for name in ('duckdb', 'duckdb_kql') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
