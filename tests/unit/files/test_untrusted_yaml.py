"""YAML that means harm: aliases, depth, size; and what is no file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InvalidInput
from harness.files.catalog import find_expectations
from harness.files.yaml_reading import load_yaml, parse_yaml


def bomb(levels: int = 9, key: str = "- ") -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_aliases_are_bounded() -> None:
    with pytest.raises(InvalidInput, match="too many values"):
        parse_yaml(bomb(), Path("x.yaml"))
    assert parse_yaml("a: &a [1, 2]\nb: *a\n", Path("x.yaml")).data == {"a": [1, 2], "b": [1, 2]}


def test_so_are_merges_and_what_holds_itself() -> None:
    merges = ["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9))]
    for text in ("\n".join(merges), "a: &a [*a]", "a: &a {b: *a}"):
        with pytest.raises(InvalidInput):
            parse_yaml(text, Path("x.yaml"))


@pytest.mark.parametrize("text", ["[" * 200 + "]" * 200, "[" * 100_000, "{a: " * 200 + "1" + "}" * 200])
def test_so_is_the_depth(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_yaml(text, Path("x.yaml"))


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.expect.yaml")
    (tmp_path / "y.yaml").symlink_to("/dev/zero")
    for path in (tmp_path / "x.expect.yaml", tmp_path / "y.yaml"):
        with pytest.raises(InvalidInput, match="no regular file"):
            load_yaml(path)


@pytest.mark.parametrize("name", ["x.expect.yml", "x.Expect.yaml", "x.EXPECT.YML"])
def test_a_name_that_would_be_passed_over_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("expectations: []\n")
    with pytest.raises(InvalidInput, match="would be ignored"):
        find_expectations([tmp_path])


def test_so_is_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "x.expect.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="cannot be read"):
        find_expectations([tmp_path])


@pytest.mark.parametrize("text", [":".join(["1"] * 200_000), "1" * 5000, "0x" + "f" * 5000, "1:" * 5000 + "1.5"])
def test_a_number_that_takes_minutes_to_read_is_refused_at_its_place(text: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^x\.yaml:2:4: a number of {len(text)} characters"):
        parse_yaml(f"a: 1\nb: {text}\n", Path("x.yaml"))
    assert parse_yaml(f"a: 1\nb: '{text}'\n", Path("x.yaml")).data["b"] == text


@pytest.mark.parametrize(
    "value",
    ['!!int ""', "!!int x", '!!float ""', "!!timestamp x", "!!bool maybe", "!!binary é", "2026-99-99"],
)
def test_a_value_that_is_not_what_its_tag_says_is_told_at_its_place(value: str) -> None:
    with pytest.raises(InvalidInput, match=r"^x\.yaml:2:6: not valid YAML: ."):
        parse_yaml(f"a:\n- b: {value}\n", Path("x.yaml"))


VALUES = st.sampled_from(["", "x", "-", "0x", "1:", "2026-01-01T", "=", "<<", ".", "+"])
TAGS = st.sampled_from(["int", "float", "bool", "null", "timestamp", "binary", "str", "seq", "map", "set", "omap"])


@given(TAGS, VALUES)
def test_no_tag_is_a_fault(tag: str, value: str) -> None:
    with contextlib.suppress(InvalidInput):
        parse_yaml(f"a: !!{tag} '{value}'\n", Path("x.yaml"))
