"""`livefire query` and `livefire tables`: what they print, and what they say of mistakes."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli.app import app
from harness.errors import InvalidInput, LimitMet, RecordingDamaged
from harness.judge.looking import slice_of, workspace_of
from harness.kql.limits import Limits
from harness.recording import open_recording
from harness.telemetry.schema import TABLES
from tests.conftest import COMMITTED, PROJECT

RULE = PROJECT / "expectations/T1059.013/container-cli-api.yaml"
DOCKER = 'DeviceProcessEvents | where FileName == "docker" | project FileName, ProcessCommandLine'
PRIVILEGED = "T1059.013/docker-privileged-container-creation"


def livefire(*arguments: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, env={"COLUMNS": "80"})


def rows(*arguments: str | Path) -> list[dict[str, object]]:
    done = livefire("query", COMMITTED, *arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    document: list[dict[str, object]] = json.loads(done.stdout)
    return document


def refused(*arguments: str | Path) -> BaseException:
    done = livefire(*arguments)
    assert isinstance(done.exception, InvalidInput | LimitMet), done.output
    return done.exception


@pytest.mark.parametrize(
    "name", [PRIVILEGED, PRIVILEGED.upper(), "docker-privileged-container-creation", "7c1c0b8e-0000-0000"]
)
def test_one_atomics_rows_are_had_by_its_id_or_guid(name: str) -> None:
    if name.startswith("7c1c"):  # its GUID, from the manifest
        manifest = json.loads((COMMITTED / "manifest.json").read_text())
        name = next(d["guid"] for d in manifest["detonations"] if d["atomic"] == PRIVILEGED)
    assert [row["ProcessCommandLine"] for row in rows(DOCKER, "--slice", name)] == [
        "docker run --rm --privileged --net=host livefire/busybox:local id"
    ]


def test_without_a_name_all_rows_are_seen_and_slices_add_up() -> None:
    count = "DeviceProcessEvents | summarize Rows = count()"
    names = ["background", "harness", PRIVILEGED, "docker-container-execution", "kubectl-secrets-enumeration"]
    apart = [int(str(rows(count, "--slice", name)[0]["Rows"])) for name in names]
    together = rows(count, *(word for name in names for word in ("--slice", name)))
    assert rows(count) == rows(count, "--slice", "all") == together == [{"Rows": sum(apart)}]


def test_values_keep_their_kind_in_json() -> None:
    columns = "TimeGenerated, User, PodName, Big = 1.5, Right = true, None = long(null)"
    (row,) = rows(f"AKSAudit | take 1 | project {columns}")
    assert isinstance(row["User"], dict)
    assert str(row["TimeGenerated"]).endswith("Z")
    assert (row["PodName"], row["Big"], row["Right"], row["None"]) == ("", 1.5, True, None)


def test_csv_has_a_line_of_names_also_where_no_row_is() -> None:
    done = livefire("query", COMMITTED, f"{DOCKER} | where false", "--format", "csv")
    assert done.stdout == "FileName,ProcessCommandLine\n"
    done = livefire("query", COMMITTED, 'print a = "x,\\"y\\"", b = datetime(2026-01-02)', "--format", "csv")
    assert list(csv.reader(io.StringIO(done.stdout))) == [["a", "b"], ['x,"y"', "2026-01-02T00:00:00Z"]]


def test_a_narrow_output_is_a_table_and_a_wide_one_a_block_a_row() -> None:
    narrow = livefire("query", COMMITTED, "print a = 1, b = 'x'")
    assert narrow.stdout.splitlines() == ["a  b", "1  x", "1 row"]
    wide = livefire("query", COMMITTED, f"{DOCKER} | extend Nothing = ''", "--slice", PRIVILEGED)
    assert wide.stdout.splitlines() == [
        "row 1",
        "  FileName: docker",
        "  ProcessCommandLine: docker run --rm --privileged --net=host livefire/busybox:local id",
        "1 row",
    ]


def test_only_so_many_rows_are_printed_and_the_rest_is_counted() -> None:
    done = livefire("query", COMMITTED, "range n from 1 to 7 step 1", "--limit", "2")
    assert done.stdout.splitlines() == ["n", "1", "2", "7 rows, the first 2 shown: --limit N shows more"]
    assert len(rows("range n from 1 to 70 step 1")) == 70  # a document is whole


def test_a_query_may_come_from_standard_input_or_a_file(tmp_path: Path) -> None:
    assert "docker" in livefire("query", COMMITTED, "-", stdin=DOCKER).stdout
    (tmp_path / "q.kql").write_text(DOCKER)
    assert rows(tmp_path / "q.kql") == rows(DOCKER)
    assert rows(RULE)[0]["PrivilegedContainer"] in (True, False)


def test_a_mistake_is_told_at_its_place(tmp_path: Path) -> None:
    wrong = "DeviceProcessEvents\n| where Nobody == 1"
    assert "no column or variable 'Nobody' (line 2, column 9 of the query)" in str(refused("query", COMMITTED, wrong))
    (tmp_path / "q.kql").write_text(wrong)
    assert str(refused("query", COMMITTED, tmp_path / "q.kql")).startswith(f"{tmp_path}/q.kql:2:9: ")
    rule = RULE.read_text().replace("has_any", "has_nobody", 1)
    (tmp_path / "r.yaml").write_text(rule)
    line = next(n for n, text in enumerate(rule.splitlines(), 1) if "has_nobody" in text)
    assert str(refused("query", COMMITTED, tmp_path / "r.yaml")).startswith(f"{tmp_path}/r.yaml:{line}:")


def test_a_slice_that_there_is_not_is_named_with_what_there_is() -> None:
    said = str(refused("query", COMMITTED, DOCKER, "--slice", "docker-privileged-container-creatoin"))
    assert "the recording has no 'docker-privileged-container-creatoin'" in said
    assert f"Did you mean '{PRIVILEGED}'?" in said


def test_a_short_name_of_two_atomics_is_refused() -> None:
    recording = open_recording(COMMITTED)
    workspace = workspace_of(recording, Limits())
    first, *others = recording.manifest.detonations
    twin = first.model_copy(update={"atomic": f"T1611/{first.atomic.rpartition('/')[2]}", "guid": ""})
    manifest = recording.manifest.model_copy(update={"detonations": [first, twin, *others]})
    both = replace(recording, manifest=manifest)
    assert slice_of([first.atomic], both, workspace) == workspace.together([first.atomic])
    with pytest.raises(InvalidInput, match=f"may be {first.atomic} or {twin.atomic}"):
        slice_of([first.atomic.rpartition("/")[2]], both, workspace)


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    assert isinstance(refused("query", tmp_path, DOCKER), RecordingDamaged)


def test_a_query_that_takes_too_long_is_ended() -> None:
    endless = "range a from 1 to 100000000 step 1 | extend b = a | summarize sum(strlen(tostring(a * b)))"
    assert isinstance(refused("query", COMMITTED, endless, "--query-timeout", "1s"), LimitMet)


def test_tables_lists_columns_and_types_and_of_a_recording_what_they_hold() -> None:
    plain = livefire("tables")
    assert [line for line in plain.stdout.splitlines() if not line.startswith(" ")] == list(TABLES)
    assert ["ProcessCommandLine", "string"] in [line.split() for line in plain.stdout.splitlines()]
    of_recording = livefire("tables", COMMITTED, "--table", "DeviceProcessEvents", "--slice", PRIVILEGED)
    first, *_ = of_recording.stdout.splitlines()
    assert first.startswith("DeviceProcessEvents  ")
    assert "docker run" in of_recording.stdout
    assert "AKSAudit" not in of_recording.stdout
    assert max(map(len, of_recording.stdout.splitlines())) <= 80
    assert "Did you mean 'AKSAudit'?" in str(refused("tables", "--table", "AKSAudi"))
