"""All tables of a recording: on disk and from raw they are the same, and no garbage keeps them from being written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from harness.kql.engine_choice import new_workspace
from harness.recording import Recording, layout
from harness.telemetry.schema import HIDDEN, TABLES
from harness.telemetry.tables import build_tables, write_tables
from tests.conftest import Resealed

SYSCALL = "type=SYSCALL msg=audit({}:{}): arch=c000003e syscall=59 success=yes pid={} ppid=1 uid=0 ses=1 exe=2F78"


def everything(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """The columns of a table on disk, hidden ones included, and its rows in an order of their own."""
    with duckdb.connect(":memory:") as con:
        found = con.execute("SELECT * FROM read_parquet(?)", [str(folder / f"{name}.parquet")])
        columns = [str(column[0]) for column in found.description]
        return columns, sorted(json.dumps(row, default=str) for row in found.fetchall())


def test_the_tables_of_a_recording_are_those_of_its_raw_files(committed: Recording, tmp_path: Path) -> None:
    write_tables(build_tables(committed.path, committed.manifest), tmp_path)
    for name, expected in TABLES.items():
        columns, rows = everything(tmp_path / "tables", name)
        assert columns == [*expected, *HIDDEN]
        assert rows, name
        assert (columns, rows) == everything(committed.path / "tables", name)


@pytest.mark.parametrize(
    "values",
    [
        ("99999999999999999.000", "1", "5"),
        ("1700000000.000", "9" * 30, "5"),
        ("1700000000.000", "1" * 5000, "5"),
        ("1700000000.000", "1", "9" * 30),
        ("1700000000.000", "1", "²"),
    ],
)
@pytest.mark.parametrize("execve", ['argc=1 a0="x"', 'argc=² a0="x"', f'argc={"9" * 30} a{"9" * 5000}="x" a0=6100FF'])
def test_no_number_is_too_long_for_the_tables(
    resealed: Resealed, tmp_path: Path, values: tuple[str, ...], execve: str
) -> None:
    call = SYSCALL.format(*values)
    lines = [call, f"type=EXECVE {call.split(' ')[1]} {execve}"]
    recording = resealed({layout.AUDIT_LOG: lambda _: [f"{line}\n" for line in lines]})
    write_tables(build_tables(recording.path, recording.manifest), tmp_path)


@pytest.mark.parametrize("verb", ["\\ud800", "\\u0000", "é\\u2028"])
def test_no_text_is_too_odd_for_the_tables(resealed: Resealed, tmp_path: Path, verb: str) -> None:
    event = f'{{"kind": "Event", "verb": "{verb}", "user": {{"username": "x{verb}"}}}}\n'
    recording = resealed({layout.KUBE_AUDIT: lambda _: [event]})
    write_tables(build_tables(recording.path, recording.manifest), tmp_path)
    workspace = new_workspace(datetime.now(UTC))
    workspace.load(tmp_path)
    assert workspace.count("background")["AKSAudit"] == 1


BRACKETS = "[" * 100_000
ODD = [BRACKETS, f'{{"event": {BRACKETS}', "null", "[]", "{}", "7", '""', '{"offset": Infinity, "file": "", "time": 1}']
ODD += [
    '{"event": {"Actor": [], "timeNano": Infinity}}',
    f'{{"offset": 1{"0" * 400}, "file": "", "time": 1}}',
    '{"time": NaN}',
]


@pytest.mark.parametrize(
    "file",
    [
        layout.AUDIT_LOG,
        layout.DAEMON_EVENTS,
        layout.DAEMON_LOG,
        layout.DAEMON_REQUESTS,
        layout.KUBE_AUDIT,
        layout.KUBE_PODS,
        layout.ALIVE,
        layout.ARRIVALS,
    ],
)
def test_a_line_that_tells_nothing_changes_no_table(resealed: Resealed, file: str) -> None:
    before, after = (
        resealed({file: lambda lines: lines}),
        resealed({file: lambda lines: [*lines, *(f"{line}\n" for line in ODD)]}),
    )
    assert build_tables(after.path, after.manifest) == build_tables(before.path, before.manifest)
