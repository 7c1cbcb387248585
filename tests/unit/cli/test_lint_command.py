"""`livefire lint`: nothing that it was given is passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EXPECTATIONS, main_job_rule
from tests.unit.cli.test_commands import livefire


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.yaml", "- name: pasted without its head\n", "mine.yaml:1:1: neither atomics, nor a rule"),
        ("odd.yaml", "nonsense: 1\n", "odd.yaml:1:1: neither atomics, nor a rule"),
        ("foo.expect.yml", "expectations: []\n", "foo.expect.yml:1:1: neither atomics, nor a rule"),
    ],
)
def test_a_file_that_is_nothing_we_know_is_a_mistake(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    done = livefire("lint", tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_rule_of_which_nothing_is_expected_is_compiled(tmp_path: Path) -> None:
    rule = tmp_path / "alone.yaml"
    text = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
    rule.write_text(text)
    assert "0 atomics, 1 rules, 0 expectations: no mistakes found" in livefire("lint", tmp_path).stdout
    rule.write_text(text.replace("has_any (SuspiciousCommands)", "has_anny (SuspiciousCommands)"))
    done = livefire("lint", tmp_path)
    assert done.returncode == 2
    assert f"{rule}:" in done.stderr


def test_a_schedule_with_gaps_is_a_mistake_at_its_place(tmp_path: Path) -> None:
    rule = tmp_path / "alone.yaml"
    text = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
    rule.write_text(text.replace("queryPeriod: 1d", "queryPeriod: 30m"))
    done = livefire("lint", tmp_path)
    assert done.returncode == 2
    line = text.splitlines().index("queryPeriod: 1d") + 1
    assert f"{rule}:{line}:1: queryPeriod: a look-back of 30m with a run every 1h leaves gaps" in done.stderr


def test_an_empty_folder_has_nothing_to_check(tmp_path: Path) -> None:
    assert livefire("lint", tmp_path).returncode == 5


def test_signals_may_come_from_a_file_in_another_folder(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    path = main_job_rule(mine)
    entry = "  - {atomic: T1059.013/docker-exec, fires: false, known_gap: x}"
    path.write_text(f"signals_from: {EXPECTATIONS}\nexpectations:\n{entry}\n")
    assert livefire("lint", mine).returncode == 0


@pytest.mark.parametrize("option", ["--json", "--junit", "--html", "--navigator"])
def test_a_file_that_cannot_be_written_is_said_at_once(tmp_path: Path, option: str) -> None:
    done = livefire("prove", tmp_path / "nowhere", option, tmp_path / "no/such/folder/x")
    assert done.returncode == 2
    assert f"{option} {tmp_path}/no/such/folder/x" in done.stderr
