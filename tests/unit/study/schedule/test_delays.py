"""Distributions of the ingestion delay, as the command line names them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InvalidInput
from harness.study.schedule.delays import DEFAULT, Late, parse_delay, parse_late, parse_share


def drawer(text: str) -> Callable[[Random], float]:
    found = parse_delay(text).draw
    assert found is not None
    return found


def drawn(text: str, count: int = 4000) -> list[float]:
    random, draw = Random(1), drawer(text)
    return sorted(draw(random) for _ in range(count))


def test_what_each_form_draws() -> None:
    assert set(drawn("fixed:PT5M", 9)) == {300.0}
    assert drawn("uniform:1m..10m")[0] >= 60
    assert drawn("uniform:1m..10m")[-1] <= 600
    assert mean(drawn("uniform:1m..10m")) == pytest.approx(330, rel=0.05)
    assert mean(drawn("exponential:mean=3m")) == pytest.approx(180, rel=0.05)
    values = drawn("lognormal:p50=2m,p95=15m")
    assert values[len(values) // 2] == pytest.approx(120, rel=0.1)
    assert values[len(values) * 95 // 100] == pytest.approx(900, rel=0.1)
    assert parse_delay("measured").draw is None
    assert 20 <= drawn(DEFAULT)[0] <= drawn(DEFAULT)[-1] <= 180


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown"),
        ("fixed", "'' is no duration"),
        ("measured:1m", "unknown"),
        ("fixed:soon", "'soon' is no duration"),
        ("uniform:5m", "write the least and the most"),
        ("uniform:10m..1m", "10m is more than 1m"),
        ("exponential:3m", "write mean=DURATION"),
        ("exponential:mean=0s", "a delay of 0 has no distribution"),
        ("lognormal:p50=2m", "write p50=DURATION,p95=DURATION"),
        ("lognormal:p50=2m,p95=2m", "p95 must be more than p50"),
        ("lognormal:p50=2m,p50=1m,p95=3m", "write p50=DURATION,p95=DURATION"),
        ("normal:5m", "unknown"),
    ],
)
def test_what_is_no_distribution(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        parse_delay(text)
    assert str(caught.value).startswith(f"--delay {text}: ")
    assert "Known: measured, fixed:5m" in str(caught.value)


WORDS = [
    "fixed",
    "uniform",
    "exponential",
    "lognormal",
    "measured",
    ":",
    "..",
    "=",
    ",",
    "p50",
    "p95",
    "mean",
    "5m",
    "1h",
]


@given(
    st.lists(st.sampled_from(WORDS), max_size=8).map("".join) | st.text(max_size=20).filter(lambda t: t[:5] != "file:")
)
def test_any_text_draws_delays_or_is_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        draw, random = parse_delay(text).draw, Random(0)
        assert draw is None or all(draw(random) >= 0 for _ in range(5))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.booleans(), st.booleans())
def test_a_file_of_delays(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], heading: bool, windows: bool
) -> None:
    path = tmp_path_factory.mktemp("delays") / "delays.csv"
    lines = ["seconds"] * heading + [str(value) for value in values] + [""]
    path.write_bytes(("\r\n" if windows else "\n").join(lines).encode())
    random, draw = Random(0), drawer(f"file:{path}")
    assert {draw(random) for _ in range(30)} <= set(values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\ntwo\n3\n", ":2:1: 'two' is no delay in seconds"),
        (b"1\n-2\n", ":2:1: '-2' is no delay in seconds"),
        (b"1\nnan\n", ":2:1: 'nan' is no delay in seconds"),
        (b"seconds\n", ": it holds no delay"),
        (b"", ": it holds no delay"),
        (b"\xff\n", ": cannot be read: not UTF-8"),
    ],
)
def test_a_file_that_holds_something_else(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "delays.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        parse_delay(f"file:{path}")
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        parse_delay(f"file:{tmp_path / 'none.csv'}")


def test_a_share_that_is_late() -> None:
    assert parse_late("1%:6h") == Late(0.01, 21600) == parse_late("0.01:PT6H")
    for text in ("1%", "2:6h", "1%:soon", ":6h", ""):
        with pytest.raises(InvalidInput, match=r"--late .*: "):
            parse_late(text)


@given(st.floats(0, 1))
def test_a_share(share: float) -> None:
    assert parse_share(str(share)) == share
    assert parse_share(f"{share * 100}%") == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "101%", "1.5", "-1%", "nan", "inf", "five", "5%%"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="is no share"):
        parse_share(text)


def test_delays_are_read_from_regular_files_alone(tmp_path: Path) -> None:
    fifo = tmp_path / "delays.csv"
    os.mkfifo(fifo)
    for path in (fifo, Path("/dev/zero")):
        with pytest.raises(InvalidInput, match="is no regular file"):
            parse_delay(f"file:{path}")


def test_a_byte_order_mark_is_no_part_of_the_first_delay(tmp_path: Path) -> None:
    path = tmp_path / "delays.csv"
    path.write_text("\ufeff7\n")
    assert drawer(f"file:{path}")(Random(0)) == 7
