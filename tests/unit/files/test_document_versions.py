"""Documents of other versions: older ones are read, newer keys are passed over, newer numbers are refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.files.document_versions import foreign, validate
from harness.model.manifest import Manifest
from tests.conftest import COMMITTED

MANIFEST = json.loads((COMMITTED / "manifest.json").read_text())
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner)
)


def objects(document: Any) -> list[dict[str, Any]]:
    """Each object in a document whose keys are those of a model: not the maps, whose keys are free."""
    if isinstance(document, list):
        return [found for each in document for found in objects(each)]
    if not isinstance(document, dict):
        return []
    inner = [
        found
        for key, each in document.items()
        if key not in ("readings", "versions", "files", "raw", "facts", "tables", "rows")
        for found in objects(each)
    ]
    return [document, *inner]


@given(st.integers(0, 999), st.text(min_size=1, max_size=9).map("new-{}".format), anything)
def test_a_key_that_is_not_known_is_passed_over_wherever_it_stands(place: int, key: str, value: Any) -> None:
    newer = copy.deepcopy(MANIFEST)
    places = objects(newer)
    places[place % len(places)][key] = value
    assert validate(Manifest, newer) == validate(Manifest, MANIFEST)


def test_what_is_wrong_with_a_key_that_is_known_is_still_wrong() -> None:
    wrong = MANIFEST | {"attribution": "by guess", "new": 1}
    with pytest.raises(ValidationError) as caught:
        validate(Manifest, wrong)
    assert [each["loc"] for each in caught.value.errors()] == [("attribution",)]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"schema": "livefire.result/1"}, ""),
        ({"schema": "livefire.result/2"}, "a newer Livefire has written it: it is livefire.result/2, and Livefire "),
        ({"schema": "livefire.result/10", "versions": {"livefire": "3.1"}}, "a newer Livefire 3.1 has written it"),
        ({"schema": "livefire.result/0"}, 'not a result (livefire.result/1): its schema is "livefire.result/0"'),
        ({"schema": "livefire.result/x"}, 'not a result (livefire.result/1): its schema is "livefire.result/x"'),
        ({"schema": "livefire.diff/2"}, 'not a result (livefire.result/1): its schema is "livefire.diff/2"'),
        ({"schema": 2}, "not a result (livefire.result/1): its schema is 2"),
        ({}, "not a result (livefire.result/1): it names no schema"),
        ([], "not a result (livefire.result/1): it names no schema"),
    ],
)
def test_a_document_of_another_schema_is_told_from_one_of_a_newer(document: object, why: str) -> None:
    found, hint = foreign(document, "livefire.result/1")
    assert found.startswith(why)
    assert bool(found) == bool(why)
    assert bool(hint) == ("newer" in why)


@given(anything)
def test_whatever_is_read_has_a_schema_or_a_reason(document: Any) -> None:
    assert foreign(document, "livefire.result/1")[0]


def test_the_result_of_a_newer_version_is_refused_by_its_name(tmp_path: Path) -> None:
    from harness.errors import InvalidInput
    from harness.files.result_file import read_results

    path = tmp_path / "r.json"
    path.write_text(json.dumps({"schema": "livefire.result/2", "versions": {"livefire": "9.0"}}))
    with pytest.raises(InvalidInput, match=r"r\.json: a newer Livefire 9\.0 has written it") as caught:
        read_results(path)
    assert "Update Livefire" in caught.value.hint
