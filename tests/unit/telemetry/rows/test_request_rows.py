"""Rows of what was asked of the daemon and answered."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.readers.gateway_requests import read_requests
from harness.telemetry.rows.request_rows import request_rows

LINE = {
    "atomic": "T1/a",
    "pid": 1,
    "sent": 1700000000.0,
    "answered": 1700000000.25,
    "method": "GET",
    "path": "/v1.41/containers/json",
    "status": 200,
    "container_id": None,
}


def rows(lines: list[str], file: str) -> list[dict[str, Any]]:
    return request_rows(lines, file, read_requests(lines))


def test_a_request_is_a_row_of_its_atomic_with_the_answer() -> None:
    (row,) = rows(["garbage", json.dumps(LINE)], "raw/docker-requests.jsonl")
    assert (row["_Slice"], row["_Record"], row["_Arrived"]) == ("T1/a", "raw/docker-requests.jsonl:2", 1700000000.25)
    assert (row["Source"], row["Method"], row["Uri"]) == ("request", "GET", "/v1.41/containers/json")
    assert row["Message"] == "answered 200"


@given(st.text() | st.dictionaries(st.sampled_from(list(LINE)), st.none() | st.integers() | st.text()).map(json.dumps))
def test_no_line_breaks_the_reader(line: str) -> None:
    assert len(rows([line], "f")) <= 1
