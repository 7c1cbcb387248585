"""What can be wrong with a rule or an expectation without a recording, each mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.lint import check
from tests.conftest import PROJECT

SOURCE = PROJECT / "expectations/T1059.013"
RULE, EXPECT = "container-cli-api.yaml", "container-cli-api.expect.yaml"


def problems(folder: Path, rule: tuple[str, str] = ("", ""), expect: tuple[str, str] = ("", "")) -> list[str]:
    """The mistakes of the project's rule after replacing one text in it, and one in its expectations."""
    for name, (old, new) in ((RULE, rule), (EXPECT, expect)):
        text = (SOURCE / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))
    return [str(problem) for problem in check(load_expectations(folder / EXPECT))]


def line_of(folder: Path, name: str, text: str) -> int:
    return next(n for n, line in enumerate((folder / name).read_text().splitlines(), 1) if text in line)


def test_the_project_is_well_made(tmp_path: Path) -> None:
    assert problems(tmp_path) == []


def test_a_column_that_the_metadata_needs_and_the_query_does_not_give(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, rule=("columnName: DeviceName", "columnName: DeviceNam"))
    assert "the query does not give the column 'DeviceNam'" in found
    assert "Did you mean 'DeviceName'?" in found
    assert f"{RULE}:{line_of(tmp_path, RULE, 'entityMappings')}:" in found


def test_a_flag_that_the_rule_does_not_have(tmp_path: Path) -> None:
    found = problems(tmp_path, expect=("HostMount: false", "HostMont: false"))
    assert any("the rule has no flag 'HostMont'" in each and "HostMount" in each for each in found)


def test_a_flag_that_was_forgotten(tmp_path: Path) -> None:
    found = problems(tmp_path, expect=("      HostMount: false\n", ""))
    assert ["no value for the flag 'HostMount'" in each for each in found] == [True]


def test_a_name_that_there_is_not_is_told_at_its_place(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, rule=("has_any (SuspiciousCommands)", "has_any (SuspiciosCommands)"))
    line = line_of(tmp_path, RULE, "SuspiciosCommands")
    assert f"{RULE}:{line}:39: " in found
    assert "there is no column or variable 'SuspiciosCommands'\n  Did you mean 'SuspiciousCommands'?" in found
    (found,) = problems(tmp_path, expect=('where Argv[1] == "run"', 'where Argvs[1] == "run"'))
    assert f"{EXPECT}:{line_of(tmp_path, EXPECT, 'Argvs')}:19: there is no column or variable 'Argvs'" in found
    assert "Did you mean 'Argv'?" in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("| where FileName in~", "| wher FileName in~", "KQL syntax"),
        ("| sort by Timestamp desc", "| evaluate bag_unpack(Timestamp)", "not supported by this engine"),
        ("FileName in~", "FileNam in~", "FileNam"),
    ],
)
def test_a_query_that_does_not_run_is_not_silent(tmp_path: Path, old: str, new: str, said: str) -> None:
    (found,) = problems(tmp_path, rule=(old, new))
    assert "not runnable on this engine" in found
    assert said in found
    assert f"{RULE}:" in found


def test_a_signal_without_a_table(tmp_path: Path) -> None:
    found = problems(
        tmp_path, expect=("DockerDaemon_CL\n          | where Source", "print Source = 1\n          | where Source")
    )
    assert any("reads no table" in each and "Auditd_CL" in each for each in found)


def test_a_mistake_in_a_companion_of_the_whole_file_is_said_once_and_there(tmp_path: Path) -> None:
    (found,) = problems(
        tmp_path, expect=('where: InitiatingProcessFileName == "kubectl"', "where: InitiatingProcess ==")
    )
    assert f"{EXPECT}:{line_of(tmp_path, EXPECT, 'where: InitiatingProcess ==')}:" in found


def test_an_exclusion_that_does_not_run_is_a_mistake_at_its_place(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, expect=('where: AccountName == "root"', 'where: AccountNam == "root"'))
    assert "AccountNam" in found
    assert f"{EXPECT}:{line_of(tmp_path, EXPECT, 'AccountNam ==')}:" in found


def test_a_rule_that_fires_over_empty_tables_shows_nothing_unless_it_looks_for_silence(tmp_path: Path) -> None:
    always = ("| sort by Timestamp desc", "| sort by Timestamp desc\n  | union (print DeviceName = 'x')")
    said = "the rule container-cli-api fires over empty tables, so an alert shows nothing"
    every = problems(tmp_path, rule=always)
    assert len(every) > 1
    assert all(said in each for each in every)
    assert f"{EXPECT}:{line_of(tmp_path, EXPECT, 'fires: true')}:5: " in every[0]
    reason = ("    fires: true\n", "    fires: true\n    looks_for_silence: a heartbeat stopped\n")
    assert [each.split(": ", 1)[1] for each in problems(tmp_path, rule=always, expect=reason)] == [
        each.split(": ", 1)[1] for each in every[1:]
    ]
