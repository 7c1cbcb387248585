"""Who started what, over a whole run in the course of which pids wrapped: no row names a wrong process."""

from __future__ import annotations

from harness.recording import layout, open_recording
from harness.telemetry.readers.alive_processes import read_alive
from harness.telemetry.tables import build_tables
from tests.conftest import PROJECT
from tests.contradictions import contradictions

WHOLE = PROJECT / "tests/recordings/whole-technique"


def test_no_row_of_a_whole_run_names_a_wrong_initiating_process() -> None:
    recording = open_recording(WHOLE)
    tables = build_tables(recording.path, recording.manifest)
    processes, executions = tables["DeviceProcessEvents"], tables["Auditd_CL"]
    executions = [row for row in executions if row["RecordType"] == "EXECVE"]
    assert len(processes) > 10_000
    listed = {each.pid: each.path for each in read_alive(recording.read(layout.ALIVE).decode().splitlines())}
    assert contradictions(processes, executions, listed) == []
    # a pid that was given away anew executes nothing "itself", minutes after its number's last owner did
    waited = [
        row
        for row in processes
        if row["InitiatingProcessId"] == row["ProcessId"]
        and row["InitiatingProcessFileName"]
        and minutes(row["Timestamp"]) - minutes(row["InitiatingProcessCreationTime"]) > 1
    ]
    assert waited == []


def test_few_of_an_attacks_programs_have_no_initiating_process() -> None:
    recording = open_recording(WHOLE)
    rows = build_tables(recording.path, recording.manifest)["DeviceProcessEvents"]
    attacks = [row for row in rows if row["_Slice"] not in ("background", "harness")]
    empty = [row for row in attacks if not row["InitiatingProcessFileName"]]
    assert len(empty) * 400 < len(attacks), len(empty)


def test_no_row_of_an_attack_names_livefires_own_shim() -> None:
    recording = open_recording(WHOLE)
    rows = build_tables(recording.path, recording.manifest)["DeviceProcessEvents"]
    attacks = [row for row in rows if row["_Slice"] not in ("background", "harness")]
    assert not [row for row in attacks if any(word in str(row.values()) for word in ("oci_shim", "runc-bounded"))]
    # where an atomic's Podman has its runtime is told to conmon, as on any host
    runtime = [row for row in attacks if ".config/containers/runtime" in str(row.values())]
    assert all("conmon" in (row["FileName"], row["InitiatingProcessFileName"]) for row in runtime)
    assert any("oci_shim" in row["ProcessCommandLine"] for row in rows)


def minutes(text: str) -> float:
    hours, minute, seconds = text.partition(" ")[2].split(":")
    return int(hours) * 60 + int(minute) + float(seconds) / 60
