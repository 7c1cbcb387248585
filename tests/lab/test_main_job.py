"""The main job on the real lab: three atomics, three sensors, the rule, three verdicts."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from tests.conftest import MAIN_JOB
from tests.lab.conftest import Livefire, changed, footprint
from tests.leaks import leaks


def test_three_atomics_are_proven_and_nothing_is_left_behind(livefire: Livefire, tmp_path: Path) -> None:
    before = footprint()
    recording = tmp_path / "recording"
    done = livefire("run", *MAIN_JOB, "--recording", recording, "--json", "-")
    assert done.code == 0, done.err
    assert done.verdicts() == dict.fromkeys(MAIN_JOB, "PROVEN")
    assert changed(before) == {}
    assert not livefire.state.exists()
    _check_evidence(done.result, recording)
    _check_replays(livefire, recording, done.verdicts())


def _check_evidence(result: dict[str, object], recording: Path) -> None:
    """Pids, sessions, container ids and audit ids can be found in raw/, on the very line that the evidence names."""
    results = result["results"]
    assert isinstance(results, list)
    for each in results:
        executed = each["executed"]
        assert executed["session"] > 0
        evidence = [e for s in executed["oracle"] + each["signals"] + each["alerts"] for e in s["evidence"]]
        assert len(evidence) >= 4
        for item in evidence:
            name, _, line = item["record"].rpartition(":")
            text = (recording / name).read_text(errors="replace").splitlines()
            if item["table"] in ("Auditd_CL", "DeviceProcessEvents"):
                assert f" pid={item['facts']['ProcessId']} " in text[int(line) - 1]
            elif item["table"] == "AKSAudit":
                assert item["facts"]["AuditId"] in text[int(line) - 1]
            elif item["facts"].get("Source") != "log" and "ContainerId" in item["facts"]:
                assert item["facts"]["ContainerId"] in text[int(line) - 1]
        shell = (recording / "raw/auditd.log").read_text()
        assert f" pid={executed['pid']} " in shell
        assert f" ses={executed['session']} " in shell


def _check_replays(livefire: Livefire, recording: Path, verdicts: dict[str, str]) -> None:
    """The same verdicts from the recording, from its raw logs, and without any daemon's client on PATH."""
    for options in ([], ["--from-raw"]):
        done = livefire("prove", recording, *options, "--json", "-", PATH="/nonexistent")
        assert done.code == 0, done.err
        assert done.verdicts() == verdicts


def test_no_byte_of_a_recording_holds_a_secret(livefire: Livefire, tmp_path: Path) -> None:
    """By their very values, in the raw logs and in what the tables hold, however written; so with variables' values."""
    recording = tmp_path / "recording"
    assert livefire("lab", "up").code == 0
    status = dict(line.split(maxsplit=1) for line in livefire("lab", "status").out.splitlines())
    assert livefire("capture", *MAIN_JOB, WITH_VARIABLE, "-o", recording).code == 0
    secrets = _secret_values(status["KUBECONFIG"])
    assert livefire("lab", "down").code == 0
    assert len(secrets) == 5
    assert all(value.startswith(b"livefire-secret-") for value in secrets)
    assert leaks(recording, secrets) == []
    log, events = ((recording / "raw" / name).read_text() for name in ("docker-daemon.log", "docker-events.jsonl"))
    assert "MODE=***" in log
    assert "MODE=***" in events
    assert "MODE=debug" not in log + events


WITH_VARIABLE = "T1059.013/engineer-debugs-a-container"  # docker run --env=MODE=debug


def _secret_values(kubeconfig: str) -> list[bytes]:
    command = ["kubectl", f"--kubeconfig={kubeconfig}", "get", "secrets", "--all-namespaces", "--output=json"]
    items = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)["items"]
    return [base64.b64decode(item["data"]["value"]) for item in items if "value" in item.get("data", {})]


def test_a_kept_lab_serves_many_runs_with_the_same_verdicts(livefire: Livefire, tmp_path: Path) -> None:
    before = footprint()
    assert livefire("lab", "up").code == 0
    kept = []
    for number in range(2):
        done = livefire("run", *MAIN_JOB, "--recording", tmp_path / str(number), "--json", "-")
        assert done.verdicts() == dict.fromkeys(MAIN_JOB, "PROVEN"), done.err
        kept.append(footprint())
    done = livefire("run", *MAIN_JOB, "--recording", tmp_path / "many", "--repeat", "2", "--json", "-")
    assert done.code == 0, done.err
    kept.append(footprint())
    for number, result in enumerate(json.loads(done.out), 1):
        assert Path(result["recording"]) == tmp_path / "many" / str(number)
        assert {each["verdict"] for each in result["results"]} == {"PROVEN"}
        assert {each["atomic"] for each in result["results"] if not each["benign"]} == set(MAIN_JOB)
        assert all(each["latency"]["alert"] < 60 for each in result["results"] if not each["benign"])
    assert "the same verdicts in all 2 recordings" in done.err
    assert all(each == kept[0] for each in kept)  # the first container makes the daemon's own cgroups and mounts
    assert livefire("lab", "down").code == 0
    assert changed(before) == {}
    assert not livefire.state.exists()
