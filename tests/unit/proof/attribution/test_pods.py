"""Whose a pod is: that of the identity that created it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proof.attribution import read_pod_creations, read_pod_names

ID, OTHER = "a" * 64, "b" * 64


def created(name: str, user: str, second: int, **change: Any) -> bytes:
    event = {
        "verb": "create",
        "user": {"username": user},
        "objectRef": {"resource": "pods", "namespace": "default", "name": name},
        "requestReceivedTimestamp": f"2026-01-01T00:00:{second:02}.000000Z",
        "responseStatus": {"code": 201},
    }
    return json.dumps(event | change).encode()


def seen(name: str, second: int, *ids: str) -> str:
    time = 1767225600 + second  # 2026-01-01T00:00:00Z
    return json.dumps({"time": time, "namespace": "default", "name": name, "uid": "u", "container_ids": ids})


def test_a_pod_belongs_to_the_last_who_created_one_of_its_name_before_it_was_seen() -> None:
    events = [created("p", "one", 1), created("p", "two", 5), created("p", "three", 9)]
    pods = read_pod_creations(events)
    assert pods.owners([seen("p", 3, ID), seen("p", 7, OTHER), seen("q", 7, "c" * 64)]) == {ID: "one", OTHER: "two"}
    assert pods.owners([seen("p", 1, ID), seen("p", 0, OTHER)]) == {ID: "one"}


EXEC = {"resource": "pods", "subresource": "exec", "namespace": "default", "name": "p"}


@pytest.mark.parametrize(
    "change",
    [
        *({"responseStatus": {"code": code}} for code in (300, 403, 409, 500)),
        {"objectRef": EXEC},
        {"objectRef": EXEC | {"resource": "serviceaccounts", "subresource": "token"}},
        {"verb": "delete", "requestObject": {"verb": "create"}},
    ],
    ids=str,
)
def test_what_creates_no_pod_makes_nobody_its_owner(change: dict[str, Any]) -> None:
    assert read_pod_creations([created("p", "one", 1, **change)]).owners([seen("p", 3, ID)]) == {}


def test_each_container_that_was_seen_has_the_name_of_its_pod() -> None:
    lines = [seen("p", 3, ID, OTHER), "{}", "no JSON", seen("q", 3, "c" * 64)]
    assert read_pod_names(lines) == {ID: ("default", "p"), OTHER: ("default", "p"), "c" * 64: ("default", "q")}


@given(st.lists(st.binary()), st.lists(st.text()), st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_lines_that_are_none_are_passed_over(events: list[bytes], lines: list[str], odd: Any) -> None:
    strange = created("p", "one", 1, objectRef=odd, responseStatus=odd)
    creations = [*events, b'"create" "pods"', strange, created("p", "one", 1)]
    pods = read_pod_creations(creations)
    text = json.dumps({"time": odd, "namespace": odd, "name": "p", "container_ids": odd})
    assert pods.owners([*lines, text, seen("p", 3, ID)])[ID] == "one"
