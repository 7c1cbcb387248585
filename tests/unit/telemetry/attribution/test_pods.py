"""Whose a pod is: that of the identity that created it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.attribution.identities import Identities, read_identities
from harness.telemetry.attribution.pods import Runners, pods_of_containers
from harness.telemetry.readers.seen_pods import read_pods
from harness.telemetry.schema import ambiguous

ID, OTHER, THIRD = "a" * 64, "b" * 64, "c" * 64
USERS = {"one": "T1/a", "two": "T1/b", "admin": "harness"}


def created(name: str, user: str, second: int, **change: Any) -> bytes:
    event = {
        "kind": "Event",
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


def owners(events: list[bytes], *lines: str) -> dict[str, str]:
    pods = read_pods(lines)
    identities = Identities(USERS, lambda _: "", lambda *_: False, Runners.of(pods))
    read_identities(identities, events)
    return identities.of_containers(pods)


def test_a_pod_belongs_to_the_last_who_created_one_of_its_name_before_it_was_seen() -> None:
    events = [created("p", "one", 1), created("p", "two", 5), created("p", "one", 9)]
    assert owners(events, seen("p", 3, ID), seen("p", 7, OTHER), seen("q", 7, THIRD)) == {
        ID: "T1/a",
        OTHER: "T1/b",
        THIRD: "background",
    }
    assert owners(events, seen("p", 1, ID), seen("p", 0, OTHER)) == {ID: "T1/a", OTHER: "background"}
    assert owners(events, seen("p", 3, ID), seen("p", 7, ID, OTHER)) == {ID: "T1/a", OTHER: "T1/b"}
    assert owners([created("p", "mallory", 1)], seen("p", 3, ID)) == {ID: "background"}
    assert owners([created("p", "admin", 1)], seen("p", 3, ID)) == {ID: "harness"}


def test_a_pod_is_whose_the_request_for_it_is_also_where_its_account_is_not_told_beforehand() -> None:
    made = {"resource": "serviceaccounts", "namespace": "default", "name": "new"}
    events = [created("new", "one", 1, objectRef=made), created("p", "system:serviceaccount:default:new", 2)]
    assert owners(events, seen("p", 3, ID)) == {ID: "T1/a"}


def test_a_pod_whose_name_was_generated_has_the_name_of_the_answer() -> None:
    unnamed = {"resource": "pods", "namespace": "default"}
    answer = {"metadata": {"name": "p-x7f2k"}}
    events = [created("", "one", 1, objectRef=unnamed, responseObject=answer)]
    assert owners(events, seen("p-x7f2k", 3, ID)) == {ID: "T1/a"}


EXEC = {"resource": "pods", "subresource": "exec", "namespace": "default", "name": "p"}
DEBUG = EXEC | {"subresource": "ephemeralcontainers"}


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "patch", "objectRef": DEBUG},
        {"verb": "patch", "objectRef": DEBUG | {"subresource": ""}},
        {"verb": "update", "objectRef": DEBUG | {"subresource": ""}},
    ],
)
def test_a_container_that_comes_once_another_has_changed_the_pod_may_be_his(change: dict[str, Any]) -> None:
    events = [created("p", "admin", 1), created("p", "one", 4, **change)]
    lines = seen("p", 3, ID), seen("p", 6, ID, OTHER)
    assert owners(events, *lines) == {ID: "harness", OTHER: ambiguous("T1/a")}
    assert owners(events[1:], *lines) == {ID: "background", OTHER: ambiguous("T1/a")}  # a pod that was there before
    assert owners([*events, created("p", "two", 5)], *lines) == {ID: "harness", OTHER: "T1/b"}
    refused = created("p", "one", 4, **change, responseStatus={"code": 403})
    assert owners([events[0], refused], *lines) == {ID: "harness", OTHER: "harness"}


@pytest.mark.parametrize(("made", "changed", "again"), [(4, 4, 9), (1, 6, 9), (1, 4, 6)])
def test_a_change_counts_from_when_the_pod_was_made_until_it_was_seen(made: int, changed: int, again: int) -> None:
    patch = created("p", "one", changed, verb="patch", objectRef=DEBUG)
    events = [created("p", "admin", made), patch, created("p", "two", again)]
    assert owners(events, seen("p", 6, ID)) == {ID: "T1/b" if again == 6 else ambiguous("T1/a")}


@pytest.mark.parametrize("below", ["status", "exec", "log"])
def test_what_changes_no_container_makes_none_anothers(below: str) -> None:
    events = [created("p", "admin", 1), created("p", "one", 2, verb="patch", objectRef=EXEC | {"subresource": below})]
    assert owners(events, seen("p", 3, ID)) == {ID: "harness"}


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
    assert owners([created("p", "one", 1, **change)], seen("p", 3, ID)) == {ID: "background"}


def test_each_container_that_was_seen_has_the_name_of_its_pod() -> None:
    pods = read_pods([seen("p", 3, ID, OTHER), "{}", "no JSON", seen("q", 3, THIRD)])
    assert pods_of_containers(pods) == {ID: ("default", "p"), OTHER: ("default", "p"), THIRD: ("default", "q")}


@pytest.mark.parametrize("odd", [None, 5, ["x"]])
def test_an_account_or_address_that_is_no_text_is_not_told(odd: object) -> None:
    (found,) = read_pods([json.dumps(json.loads(seen("p", 3, ID)) | {"account": odd, "address": odd})])
    assert (found.account, found.address) == ("", "")


@given(st.lists(st.binary()), st.lists(st.text()), st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_lines_that_are_none_are_passed_over(events: list[bytes], lines: list[str], odd: Any) -> None:
    strange = created("p", "one", 1, objectRef=odd, responseStatus=odd, responseObject=odd)
    creations = [*events, b'"create" "pods"', strange, created("p", "one", 1)]
    text = json.dumps({"time": odd, "namespace": odd, "name": "p", "container_ids": odd})
    assert owners(creations, *lines, text, seen("p", 3, ID))[ID] == "T1/a"
