"""YAML with positions: whatever the text, mistakes are InvalidInput with a place."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from harness.errors import InvalidFiles, InvalidInput
from harness.files.yaml_reading import load_yaml, parse_yaml
from harness.model.source import YamlSource, unknown_keys

PATH = Path("x.yaml")


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Inner]


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        parse_yaml(text, PATH).parse(Outer)


def test_positions_count_from_one() -> None:
    source = parse_yaml("items:\n  - name: a\n  - name: b\n", PATH)
    assert str(source.at(("items", 1, "name"))) == "x.yaml:3:5"
    assert str(source.at(("items", 9, "nope"))) == "x.yaml:1:1"


def test_each_mistake_has_its_place_and_a_hint() -> None:
    source = parse_yaml("items:\n  - nmae: a\n  - name: 3\n", PATH)
    with pytest.raises(InvalidFiles) as caught:
        source.parse(Outer)
    text = str(caught.value)
    assert "x.yaml:2:5: unknown key 'nmae'\n  Did you mean 'name'?" in text
    assert "x.yaml:2:5: missing key 'name'" in text
    assert "x.yaml:3:5: items.1.name: input should be a valid string" in text


class Lax(BaseModel):
    """As upstream's schemas: what is unknown is ignored."""

    title: str = ""
    inner: Inner | None = None
    more: dict[str, Inner] = {}
    items: list[Inner] = []


def test_keys_that_are_ignored_can_be_asked_for_at_any_depth() -> None:
    text = (
        "titel: a\ninner: {name: b, nam: c}\nmore:\n  any: {name: a, size: 1}\nitems:\n  - {name: x, Name: y}\n  - 3\n"
    )
    found = [str(each) for each in unknown_keys(parse_yaml(text, PATH), Lax)]
    assert found == [
        "x.yaml:1:1: unknown key 'titel'\n  Did you mean 'title'?",
        "x.yaml:2:18: unknown key 'nam'\n  Did you mean 'name'?",
        "x.yaml:4:18: unknown key 'size'\n  Known here: name.",
        "x.yaml:6:15: unknown key 'Name'\n  Did you mean 'name'?",
    ]


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_the_document_holds_only_unknown_keys_are_named(data: object) -> None:
    found = unknown_keys(YamlSource(PATH, data, {}, ""), Lax)
    top = [key for key in data if key not in Lax.model_fields] if isinstance(data, dict) else []
    assert len(found) >= len(top)


def test_a_missing_key_that_is_there_misspelt_is_named() -> None:
    source = parse_yaml("name: a\nitem: []\n", PATH)
    with pytest.raises(InvalidFiles) as caught:
        source.parse(Outer)
    assert "x.yaml:1:1: missing key 'items'\n  Is it 'item'?" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "x.yaml:1:1: document must be a mapping\n  Known here: items."),
        ("items:\n  - a\n", "x.yaml:2:5: items.0 must be a mapping\n  Known here: name."),
    ],
)
def test_what_is_no_mapping_is_told_without_the_names_of_our_classes(text: str, said: str) -> None:
    with pytest.raises(InvalidFiles) as caught:
        parse_yaml(text, PATH).parse(Outer)
    assert str(caught.value) == said


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000])
def test_brackets_without_end_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not valid YAML"):
        parse_yaml(text, PATH)


def test_a_key_twice_is_refused_at_its_second_place() -> None:
    with pytest.raises(InvalidInput, match=r"x.yaml:2:1: key 'a' twice"):
        parse_yaml("a: 1\na: 2\n", PATH)


def test_a_syntax_error_has_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"x.yaml:2:\d+: not valid YAML"):
        parse_yaml("a: [1,\nb: }\n", PATH)


def test_a_file_that_is_missing_or_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        load_yaml(tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        load_yaml(tmp_path / "b.yaml")
