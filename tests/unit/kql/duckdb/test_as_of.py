"""A query at many times over chosen rows gives what it would give over those rows alone, at each of those times."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.kql.capabilities import Run
from harness.kql.engine import QueryFailed
from harness.kql.engine_choice import new_workspace
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace
from harness.telemetry.schema import RECORD, complete

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
ALONE = new_workspace(NOW, Limits(threads=1))
TABLE = "DeviceProcessEvents"
QUERIES = [
    'where Timestamp > ago(24h) | where FileName == "docker" | sort by Timestamp desc',
    "where TimeGenerated > ago(2h) | summarize count()",
    "where TimeGenerated > ago(2h) | summarize n = count() by FileName | where n > 1",
    "summarize arg_max(Timestamp, ProcessId) by FileName, bin(TimeGenerated, 1h)",
    "where Timestamp > ago(3h) | top 1 by Timestamp desc | project ProcessId, Age = now() - Timestamp",
    "where toscalar(DeviceProcessEvents | summarize count()) > 2 | project ProcessId",
    "join kind=inner (DeviceProcessEvents | where Timestamp > ago(2h) | project Id = ProcessId, FileName) on FileName",
    "where FileName in ((DeviceProcessEvents | where ProcessId == 0 | project FileName))",
    "union AKSAudit | count",
    'extend Text = "\'$kqlnow\' \\"DeviceProcessEvents\\"" | project Text, ProcessId',
]


def rows() -> list[dict[str, Any]]:
    names = ["docker", "kubectl", "docker", "runc", "docker"]
    times = [(NOW - timedelta(minutes=50 * n)).replace(tzinfo=None) for n in range(5)]
    return [
        complete(
            "DeviceProcessEvents",
            {"ProcessId": n, "FileName": name, "Timestamp": at, "TimeGenerated": at, RECORD: f"raw/x:{n}"},
        )
        for n, (name, at) in enumerate(zip(names, times, strict=True))
    ]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    workspace = new_workspace(NOW, Limits(threads=1))
    workspace.put("DeviceProcessEvents", "all", rows())
    return workspace


def counted(found: list[dict[str, Any]]) -> Counter[str]:
    return Counter(repr(row) for row in found)


RUNS = st.lists(st.tuples(st.lists(st.integers(0, 4), max_size=6), st.integers(-300, 300)), min_size=1, max_size=6)


@pytest.mark.parametrize("tail", QUERIES)
@settings(max_examples=8, deadline=None)
@given(runs=RUNS)
def test_each_run_is_as_if_it_were_alone(workspace: Workspace, tail: str, runs: list[tuple[list[int], int]]) -> None:
    kql = f"{TABLE} | {tail}"
    numbers = list(workspace.numbered("DeviceProcessEvents", "all"))
    asked = [Run(tuple(numbers[n] for n in seen), NOW + timedelta(minutes=shift)) for seen, shift in runs]
    for (seen, _), run, found in zip(runs, asked, workspace.rerun(kql, asked), strict=True):
        ALONE.put("DeviceProcessEvents", "all", [rows()[n] for n in seen])
        assert counted(found) == counted(ALONE.query(kql, "all", run.now))


def test_rows_have_numbers_and_their_hidden_columns(workspace: Workspace) -> None:
    found = workspace.numbered("DeviceProcessEvents", "all")
    assert [row[RECORD] for row in found.values()] == [f"raw/x:{n}" for n in range(5)]
    assert workspace.numbered("AKSAudit", "all") == {}


def test_more_runs_than_one_statement_takes(workspace: Workspace) -> None:
    (number, *_) = workspace.numbered("DeviceProcessEvents", "all")
    runs = [Run((number,), NOW + timedelta(seconds=n)) for n in range(0, 45_000, 2)]
    found = workspace.rerun("DeviceProcessEvents | where Timestamp > ago(6h) | project ProcessId", runs)
    assert [len(each) for each in found] == [int(n < 6 * 3600) for n in range(0, 45_000, 2)]


@pytest.mark.parametrize("kql", ["DeviceProcessEvents | where Nope == 1", "livefire_all_AKSAudit | count", "| take"])
def test_a_query_that_cannot_run_says_so(workspace: Workspace, kql: str) -> None:
    with pytest.raises(QueryFailed):
        workspace.rerun(kql, [Run((), NOW)])
