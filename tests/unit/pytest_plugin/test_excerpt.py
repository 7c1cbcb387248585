"""Excerpts of YAML."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Position
from harness.pytest_plugin.excerpt import excerpt

FILE = Path("x.yaml")
TEXT = """\
expectations:
  - atomic: a
    signals:
      - name: first
        kql: |
          T
          | where x

      - name: second
    fires: true
"""


def test_a_place_is_shown_with_what_is_below_it_and_a_mark() -> None:
    assert excerpt(TEXT, [Position(FILE, 4, 9)], [Position(FILE, 2, 5), Position(FILE, 3, 5)]) == [
        "  2 |   - atomic: a",
        "  3 |     signals:",
        "  4 |       - name: first",
        "    |         ^",
        "  5 |         kql: |",
        "  6 |           T",
        "  7 |           | where x",
    ]


def test_what_is_left_out_is_told_and_two_places_of_a_line_share_it() -> None:
    assert excerpt(
        "a: {b: 1, c: 2}\nd: 1\ne: 2\n", [Position(FILE, 1, 5), Position(FILE, 1, 11), Position(FILE, 3, 1)]
    ) == [
        "  1 | a: {b: 1, c: 2}",
        "    |     ^     ^",
        "  :",
        "  3 | e: 2",
        "    | ^",
    ]


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=20), min_size=1),
    st.data(),
)
def test_every_wanted_line_is_there_once(lines: list[str], data: st.DataObject) -> None:
    places = st.builds(Position, st.just(FILE), st.integers(1, len(lines)), st.integers(1, 30))
    wanted = data.draw(st.lists(places, min_size=1))
    shown = [line for line in excerpt("\n".join(lines) + "\n", wanted) if line.split("|")[0].strip().isdigit()]
    numbers = [int(line.split("|")[0]) for line in shown]
    assert numbers == sorted(set(numbers))
    assert {position.line for position in wanted} <= set(numbers)
