"""What is unsafe to show becomes an escape that is seen, and JSON says the same as before."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.text import printable, printable_json, visible, visible_text

PARTS = [
    "\x1b]0;t\x07",
    "\r",
    "\n",
    "::error::x",
    "##[",
    "##vso[",
    "\u202e",
    "\x9b",
    "\u2028",
    "\ud800",
    "\U000e0041",
    "\\",
]
texts = st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=8).map("".join)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b]0;t\x07b", r"a\x1b]0;t\x07b"),
        ("a\r\n\tb", r"a\x0d\n\tb"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("a\u2028b\ufeff", r"a\u2028b\ufeff"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("größer · 漢字 🙂", "größer · 漢字 🙂"),
    ],
)
def test_each_is_shown(text: str, line: str) -> None:
    assert visible(text) == line


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("a\n \t::error::x", "a\n \t" + r"\x3a:error::x"),
        ("std::string and ::1", "std::string and ::1"),
        ("a ##[error]b", r"a \x23#[error]b"),
        ("##vso[task]", r"\x23#vso[task]"),
        ("## A heading [1]", "## A heading [1]"),
    ],
)
def test_no_line_is_a_command(text: str, printed: str) -> None:
    assert printable(text) == printed


@given(texts)
def test_nothing_unsafe_is_left_and_doing_it_twice_changes_nothing(text: str) -> None:
    for made in (visible(text), visible_text(text), printable(text)):
        made.encode("utf-8")
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", made)
    assert "\n" not in visible(text)
    assert visible(visible(text)) == visible(text)
    assert printable(printable(text)) == printable(text)
    assert not [line for line in printable(text).split("\n") if line.strip().startswith("::") or "##[" in line]


@given(texts, st.booleans())
def test_json_says_the_same(text: str, ascii_alone: bool) -> None:
    made = printable_json(json.dumps({text: [text]}, ensure_ascii=ascii_alone, indent=1))
    assert json.loads(made) == {text: [text]}
    assert printable(made) == made
