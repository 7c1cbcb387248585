"""One execution for all slices gives each slice the answer that it has by itself, in the same order."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from harness.files.rule_file import load_rule
from harness.kql.duckdb.carried_answers import CarriedRow
from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.duckdb.shortcuts import Shortcuts
from harness.kql.engine import QueryFailed
from harness.kql.workspace import Workspace
from harness.recording import open_recording
from harness.study.mutation.operators import mutations
from harness.telemetry.schema import RECORD, SLICE, TABLES
from tests.conftest import COMMITTED, EXPECTATIONS

RULE = load_rule(EXPECTATIONS.with_name("container-cli-api.yaml"))
SIGNALS = [
    signal["kql"]
    for entry in yaml.safe_load(EXPECTATIONS.read_text())["expectations"]
    for signal in entry["oracle"] + entry["signals"]
]
UNION = """
let Shells = dynamic(["sh", "bash", "docker"]);
let Processes = DeviceProcessEvents
| where Timestamp > ago(1d) and FileName in~ (Shells)
| extend Kind = iff(FileName =~ "docker", "cli", case(ProcessId > 100, "high", "low"))
| project Timestamp, Kind, What = ProcessCommandLine;
let Calls = AKSAudit
| where Verb in ("list", "get") or tostring(parse_json(tostring(User)).username) startswith "system:"
| extend Kind = strcat("call ", Verb), What = RequestUri
| project Timestamp = TimeGenerated, Kind, What;
union Processes, Calls, (DockerDaemon_CL | project Timestamp = TimeGenerated, Kind = Source, What = Uri)
| where What != "" or Kind == "event"
| sort by Kind asc, Timestamp desc
"""
ROW_BY_ROW = [
    *TABLES,
    RULE.query,
    UNION,
    'DockerDaemon_CL | where Body["HostConfig"]["Privileged"] == true or tostring(Body.Image) has "busybox"',
    "Auditd_CL | where Argv[1] == 'run' | extend N = array_length(Argv), Key = strcat(Exe, '\"', Comm)",
    "Auditd_CL | project-away RawData, Argv | project-rename Program = Exe | order by ProcessId asc",
    "AKSAudit | where toint(ResponseStatus.code) between (200 .. 299) | project Verb, Code = ResponseStatus.code",
    "DeviceProcessEvents | extend FileName = parse_json('{\"a\":1}') | where tostring(FileName.a) == '1'",
    "DeviceProcessEvents | sort by FileName | project FileName, ProcessId | where ProcessId % 2 == 0",
]


@pytest.fixture(scope="module")
def slices() -> list[str]:
    return sorted(workspace(by_slice=False).slices())


def workspace(*, by_slice: bool) -> Workspace:
    recording = open_recording(COMMITTED)
    opened = Workspace(DuckDbEngine(recording.manifest.finished, shortcuts=Shortcuts(carry=not by_slice)))
    opened.load(recording.sealed)
    return opened


def agree(kql: str, once: Any, sliced: Any) -> bool:
    """Whether two answers are the same. DuckDB does not say in which order a sort leaves rows that have equal keys."""
    if isinstance(once, str) or isinstance(sliced, str) or not re.search(r"\b(sort|order) by", kql):
        return bool(once == sliced)
    keys = re.findall(r"(\w+)(?: asc| desc)?(?:,|$)", re.split(r"\b(?:sort|order) by", kql)[1].split("|")[0].strip())

    def sorted_by(rows: list[dict[str, Any]]) -> list[Any]:
        return [[row.get(key) for key in keys] for row in rows]

    return once.keys() == sliced.keys() and all(
        sorted_by(once[name]) == sorted_by(sliced[name])
        and sorted(map(repr, once[name])) == sorted(map(repr, sliced[name]))
        for name in once
    )


def answers(workspace: Workspace, kql: str, slices: list[str]) -> Any:
    try:
        return {slice_: workspace.query(kql, slice_) for slice_ in slices}
    except QueryFailed as error:
        return error.message


@pytest.mark.parametrize("kql", ROW_BY_ROW, ids=range(len(ROW_BY_ROW)))
def test_each_slice_has_its_own_answer(kql: str, slices: list[str]) -> None:
    once, sliced = workspace(by_slice=False), workspace(by_slice=True)
    found = answers(once, kql, slices)
    assert agree(kql, found, answers(sliced, kql, slices))
    assert sum(map(len, found.values())) > 0
    rows = [(slice_, row) for slice_, each in found.items() for row in each]
    assert all(isinstance(row, CarriedRow) for _, row in rows)  # so it did run once
    assert once.columns(kql) == sliced.columns(kql)
    assert once.tables(kql) == sliced.tables(kql)


def test_the_mutants_of_the_rule_agree(slices: list[str]) -> None:
    once, sliced = workspace(by_slice=False), workspace(by_slice=True)
    for mutation in mutations(RULE.query)[::4] + mutations(UNION)[::6]:
        found, expected = (answers(each, mutation.query, slices) for each in (once, sliced))
        assert agree(mutation.query, found, expected), mutation


@pytest.mark.parametrize("kql", [s for s in SIGNALS if re.search(r"in \(\s*\(", s)])
def test_a_query_that_looks_into_other_rows_runs_slice_by_slice(kql: str, slices: list[str]) -> None:
    once = workspace(by_slice=False)
    found = answers(once, kql, slices)
    assert found == answers(workspace(by_slice=True), kql, slices)
    assert not any(isinstance(row, CarriedRow) for rows in found.values() for row in rows)


def test_a_row_of_the_output_leads_to_the_row_that_it_came_from(slices: list[str]) -> None:
    once = workspace(by_slice=False)
    for slice_ in slices:
        for row in once.query(RULE.query, slice_):
            (origin,) = once.matching("DeviceProcessEvents", slice_, row)
            assert {name: origin[name] for name in row if name in origin} == {n: row[n] for n in row if n in origin}
            assert origin[SLICE] == slice_
            assert origin[RECORD].startswith("raw/")
            assert once.matching("Auditd_CL", slice_, row) == []


def test_rows_with_equal_keys_stay_in_the_order_of_the_table(slices: list[str]) -> None:
    once = workspace(by_slice=False)
    for slice_ in slices:
        rows = once.query("DeviceProcessEvents | sort by FileName asc", slice_)
        assert rows == sorted(once.query("DeviceProcessEvents", slice_), key=lambda row: str(row["FileName"]))


def test_it_is_one_execution(slices: list[str], executions: list[str]) -> None:
    once = workspace(by_slice=False)
    answers(once, RULE.query, slices)
    answers(once, RULE.query, slices)
    assert len(executions) == 1
