"""`livefire history` over a folder of real results and recordings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, main_job_rule
from tests.unit.cli.test_commands import livefire


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a recording, two results of later nights, and something that is neither."""
    folder = tmp_path_factory.mktemp("nights")
    (folder / "rules").mkdir()
    main_job_rule(folder / "rules")
    shutil.copytree(COMMITTED, folder / "recording")
    done = livefire("prove", COMMITTED, "--expectations", folder / "rules", "--json", folder / "b.json")
    assert done.returncode == 1, done.stderr  # attacks alone
    later = json.loads((folder / "b.json").read_text())
    later["finished"] = "2036-01-02T03:04:05Z"
    later["results"][0]["verdict"] = "RULE_SILENT"
    (folder / "a.json").write_text(json.dumps(later))
    (folder / "notes.txt").write_text("not a result")
    return folder


def test_nights_are_columns_oldest_first(nights: Path) -> None:
    done = livefire("history", nights, "--expectations", nights / "rules")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert next(line for line in lines if line.startswith("! docker-container-execution")).split()[2:] == list("PPR")
    assert next(line for line in lines if line.startswith("  kubectl-secrets-enumeration")).split()[1:] == list("PPP")
    assert "seconds to telemetry, median" in done.stdout


def test_last_takes_the_newest(nights: Path) -> None:
    done = livefire("history", nights, "--last", "1", "--expectations", "nowhere")  # the recording is not asked for
    assert done.returncode == 0, done.stderr
    assert next(line for line in done.stdout.splitlines() if "docker-container-execution" in line).split()[1:] == ["R"]


def test_what_can_not_be_read_is_named(nights: Path, tmp_path: Path) -> None:
    done = livefire("history", tmp_path / "nowhere")
    assert (done.returncode, "nowhere: there is no such folder" in done.stderr) == (2, True)
    done = livefire("history", tmp_path)
    assert (done.returncode, "no results (*.json) and no recordings" in done.stderr) == (5, True)
    shutil.copy(nights / "a.json", tmp_path)
    (tmp_path / "broken.json").write_text("[")
    done = livefire("history", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "broken.json:1:2: not valid JSON" in done.stderr
    assert "Traceback" not in done.stderr
