"""The API server's audit events as rows."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.recording import open_recording
from harness.telemetry.attribution import Attribution
from harness.telemetry.rows.aks_audit_rows import aks_audit_rows
from tests.conftest import COMMITTED

MANIFEST = open_recording(COMMITTED).manifest
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    max_leaves=8,
)
KEYS = ["kind", "user", "verb", "objectRef", "requestURI", "stageTimestamp", "responseStatus", "sourceIPs"]


def callers(lines: list[bytes]) -> list[str]:
    return Attribution(MANIFEST, [], kube_audit=lines).callers


@given(st.lists(st.binary()))
def test_no_line_breaks_the_reader(lines: list[bytes]) -> None:
    aks_audit_rows(lines, "f", callers(lines), lambda _: None)


@given(st.dictionaries(st.sampled_from(KEYS), json_values))
def test_no_shape_of_an_event_breaks_the_reader(event: dict[str, object]) -> None:
    lines = [json.dumps(event | {"kind": "Event"}).encode()]
    aks_audit_rows(lines, "f", callers(lines), lambda _: None)


def test_an_event_keeps_its_user_and_its_place() -> None:
    user = next(d.user for d in MANIFEST.detonations if d.user)
    event = {"kind": "Event", "auditID": "x", "verb": "list", "user": {"username": user}, "sourceIPs": ["10.0.0.1"]}
    event["stageTimestamp"] = "2026-11-24T10:00:00.000001Z"
    lines = [b"broken\n", json.dumps(event).encode()]
    (row,) = aks_audit_rows(lines, "raw/f", callers(lines), lambda _: None)
    assert row["_Record"] == "raw/f:2"
    assert row["_Slice"].startswith("T1059.013/")
    assert row["StageReceivedTime"] == "2026-11-24 10:00:00.000001"
    assert row["UserAgent"] == ""
