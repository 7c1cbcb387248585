"""`livefire lint`: nothing that it was given is passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EXPECTATIONS, PROJECT, main_job_rule
from tests.unit.cli.test_commands import livefire


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("mine.yaml", "- name: pasted without its head\n", "mine.yaml:1:1: neither atomics, nor a rule"),
        ("odd.yaml", "nonsense: 1\n", "odd.yaml:1:1: neither atomics, nor a rule"),
        ("foo.expect.yml", "expectations: []\n", "foo.expect.yml: expectations are called NAME.expect.yaml"),
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
    assert "0 atomics, 1 rule, 0 expectations: no mistakes found" in livefire("lint", tmp_path).stdout
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


def test_a_misspelt_key_of_an_atomic_is_named_and_no_hindrance_to_a_run(tmp_path: Path) -> None:
    path = tmp_path / "T1.yaml"
    text = (PROJECT / "atomics/T1059.013/T1059.013.yaml").read_text()
    path.write_text(text.replace("elevation_required:", "elevation_requird:", 1))
    line = next(number for number, each in enumerate(path.read_text().splitlines(), 1) if "requird" in each)
    done = livefire("lint", tmp_path)
    assert done.returncode == 2
    assert f"{path}:{line}:7: unknown key 'elevation_requird'\n  Did you mean 'elevation_required'?" in done.stderr
    assert livefire("list", "--atomics", tmp_path).returncode == 0


def test_a_misspelt_key_of_a_rule_is_named_and_one_that_sentinel_may_have_grown_is_not(tmp_path: Path) -> None:
    rule = tmp_path / "alone.yaml"
    text = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
    rule.write_text(text.replace("entityMappings:", "entityMapping:") + "suppressionDuration: 1h\n")
    done = livefire("lint", tmp_path)
    assert done.returncode == 2
    assert "unknown key 'entityMapping'\n  Did you mean 'entityMappings'?" in done.stderr
    assert "suppressionDuration" not in done.stderr


def test_an_atomic_that_was_copied_with_its_guid_or_its_name_is_a_mistake(tmp_path: Path) -> None:
    text = (PROJECT / "atomics/T1059.013/T1059.013.yaml").read_text()
    (tmp_path / "a.yaml").write_text(text)
    guid = next(line.split()[1] for line in text.splitlines() if "auto_generated_guid" in line)
    (tmp_path / "b.yaml").write_text(text.replace("- name: ", "- name: Another "))
    done = livefire("lint", tmp_path)
    assert done.returncode == 2
    assert f"{tmp_path}/b.yaml: " in done.stderr
    assert f"{tmp_path}/a.yaml has an atomic of the GUID {guid}, too" in done.stderr
    (tmp_path / "b.yaml").write_text(text)
    assert "has an atomic of the id T1059.013/docker-container-execution, too" in livefire("lint", tmp_path).stderr


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
