"""The schedule of the project's rule, and of worse ones, over what was recorded for real."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from harness.cli.app import app
from harness.errors import InvalidInput, LivefireError
from harness.recording import RecordingWriter, layout, open_recording
from harness.telemetry.derivation import store_tables
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB, PROJECT

RULE = EXPECTATIONS.with_name("container-cli-api.yaml")


def schedule(*arguments: str | Path) -> Result:
    """The command, in this process. A mistake is the result's exception."""
    return CliRunner().invoke(app, ["schedule", *map(str, arguments)])


def result(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    done = schedule(*arguments, "--json", "-")
    assert done.exit_code == code, done.exception
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def changed(tmp_path: Path) -> Any:
    """A copy of the rule with another schedule; its expectations are the project's."""

    def make(frequency: str, period: str, *edits: tuple[str, str]) -> list[str | Path]:
        text = RULE.read_text()
        for old, new in (("Frequency: 1h", f"Frequency: {frequency}"), ("Period: 1d", f"Period: {period}"), *edits):
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / RULE.name
        path.write_text(text)
        return [path, COMMITTED, "--expect", EXPECTATIONS]

    return make


def test_the_rule_alerts_on_each_attack_24_times() -> None:
    found = result(RULE, COMMITTED)
    assert [each["atomic"] for each in found["atomics"]] == MAIN_JOB
    for each in found["atomics"]:
        assert (each["draws"], each["missed"], each["lost"], each["fires_at_once"]) == (200, 0, 0, True)
        assert (each["runs"]["p50"], each["runs"]["max"]) == (24, 24)
        assert 300 < each["first_alert"]["p50"] < each["first_alert"]["max"] < 3600 + 300 + 180
    (finding,) = found["findings"]
    assert finding["kind"] == "repeated"
    assert "about 24 runs" in finding["text"]


def test_a_recording_of_an_earlier_version_gives_the_same() -> None:
    old, new = (result(RULE, recording)["atomics"] for recording in (COMMITTED.with_name("first-tables"), COMMITTED))
    assert old == new


def test_a_look_back_that_is_shorter_than_the_delay_never_alerts(changed: Any) -> None:
    found = result(*changed("5m", "5m"), "--delay", "fixed:20m", code=1)
    for each in found["atomics"]:
        assert (each["missed"], each["missed_by_loss"], each["first_alert"]) == (200, 200, None)
        assert each["lost"] == each["events"] > 0
    (finding,) = found["findings"]
    assert finding["kind"] == "lost"
    assert finding["cure"].startswith("a queryPeriod of at least 20m")


def test_the_cure_cures(changed: Any) -> None:
    found = result(*changed("5m", "20m"), "--delay", "fixed:20m")
    assert all(each["lost"] == 0 == each["missed"] for each in found["atomics"])
    nrt = result(*changed("5m", "5m", ("kind: Scheduled", "kind: NRT")), "--delay", "fixed:20m")
    assert all(each["lost"] == 0 == each["missed"] for each in nrt["atomics"])
    assert all(1320 <= each["first_alert"]["p50"] <= 1400 for each in nrt["atomics"])


def test_measured_delays_are_the_recordings_own(changed: Any) -> None:
    found = result(*changed("5m", "5m"), "--delay", "measured")
    assert all(0 < each["longest_delay"] < 5 for each in found["atomics"])
    assert all(each["missed"] == 0 for each in found["atomics"])


def test_delays_that_were_not_measured_are_not_made_up(tmp_path: Path) -> None:
    manifest = open_recording(COMMITTED).manifest
    writer = RecordingWriter(tmp_path / "recording")
    shutil.copytree(COMMITTED / "raw", writer.path / "raw", dirs_exist_ok=True)
    (writer.path / layout.ARRIVALS).unlink()
    writer.seal(store_tables(writer.path, manifest))
    done = schedule(RULE, writer.path, "--delay", "measured")
    assert isinstance(done.exception, InvalidInput)
    assert str(done.exception).startswith(f"{writer.path}: it does not say when its records arrived")
    assert schedule(RULE, writer.path).exit_code == 0


def test_late_events_are_lost_and_some_may_be(changed: Any) -> None:
    options = ["--late", "10%:6h", "--duplicates", "5%", "--out-of-order"]
    found = result(*changed("5m", "10m"), *options, code=1)
    assert all(0.02 < each["lost"] / each["events"] < 0.2 for each in found["atomics"])
    assert all(0 < each["missed"] < 60 for each in found["atomics"])
    assert result(*changed("5m", "10m"), *options, "--max-missed", "30%")["passed"]
    assert result(*changed("5m", "10m"), *options, code=1) == found  # the seed is fixed


def test_a_threshold_that_one_attack_does_not_reach(changed: Any) -> None:
    found = result(*changed("1h", "1d", ("triggerThreshold: 0", "triggerThreshold: 1")), code=1)
    assert [each["missed"] for each in found["atomics"]] == [200] * 3
    (finding,) = found["findings"]
    assert (finding["kind"], finding["at"].rpartition("/")[2]) == ("silent", "container-cli-api.yaml:17:1")
    idle = result(*changed("1h", "1d", ("triggerOperator: gt", "triggerOperator: lt"), ("old: 0", "old: 2")))
    assert idle["idle_alert"]
    assert [each["kind"] for each in idle["findings"]] == ["idle", "repeated"]


def test_mistakes_have_one_clear_message(changed: Any) -> None:
    for arguments, code, message in [
        (["nowhere.yaml", COMMITTED], 2, "nowhere.yaml: cannot be read: No such file or directory"),
        ([COMMITTED, RULE], 2, "docker-and-control-plane: cannot be read: Is a directory"),
        ([RULE, COMMITTED, "--delay", "soon"], 2, "--delay soon: unknown"),
        ([RULE, COMMITTED, "--late", "1%"], 2, "--late 1%: write a share and a delay"),
        ([RULE, COMMITTED, "--duplicates", "two"], 2, "--duplicates two: 'two' is no share"),
        ([RULE, COMMITTED, "--json", PROJECT / "absent/x"], 2, "not a writable folder"),
        (changed("1h", "30m"), 2, "container-cli-api.yaml:16:1: queryPeriod: a look-back of 30m"),
    ]:
        done = schedule(*arguments)
        assert isinstance(done.exception, LivefireError)
        assert done.exception.exit_code == code
        assert message in str(done.exception)


def test_the_command_prints_a_table_and_exits_by_it(changed: Any) -> None:
    command = [sys.executable, "-m", "harness.cli.main", "schedule", *changed("5m", "5m"), "--delay", "fixed:20m"]
    done = subprocess.run(
        list(map(str, command)), cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip() == ""
    assert done.stdout.endswith("3 of 3 atomics without an alert in more than 0.0% of the draws · exit 1\n")
