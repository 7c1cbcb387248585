"""The command line, as far as it needs no root: exit codes, messages, and what goes to which stream."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB, PROJECT, main_job_rule


def livefire(*arguments: str | Path, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli.main", *map(str, arguments)]
    environment = {"PATH": "/nonexistent", "HOME": "/nonexistent", "PYTHONPATH": str(PROJECT), "LANG": "C.UTF-8"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_prove_needs_nothing_but_the_recording(tmp_path: Path) -> None:
    pairs = {"--junit": "j.xml", "--html": "r.html", "--markdown": "s.md"}
    files = [f"{option}={tmp_path / name}" for option, name in pairs.items()]
    done = livefire("prove", COMMITTED, "--json", "-", *files)
    assert done.returncode == 1, done.stderr  # it holds attacks alone
    assert "UNPROVEN RULE  container-cli-api: no benign run in which it is silent is proven" in done.stderr
    assert json.loads(done.stdout)["summary"] == {"PROVEN": 6}  # three atomics under two rules
    assert "6 PROVEN" in done.stderr
    assert (tmp_path / "j.xml").stat().st_size > 0
    assert "docker-container-execution" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "**6 PROVEN · exit 1**" in (tmp_path / "s.md").read_text(encoding="utf-8")


def test_several_recordings_give_several_results() -> None:
    done = livefire("prove", COMMITTED, COMMITTED, "--json", "-")
    results = json.loads(done.stdout)
    assert [each["exit_code"] for each in results] == [1, 1]
    assert [bool(each["copy_of"]) for each in results] == [False, True]
    assert "so it is no capture of its own, and does not count" in done.stderr
    assert "2 recordings" not in done.stderr  # one measurement, told twice


def test_the_navigator_layer_is_of_all_recordings_together(tmp_path: Path) -> None:
    done = livefire("prove", COMMITTED, COMMITTED, "--navigator", tmp_path / "layer.json")
    assert done.returncode == 1, done.stderr
    layer = json.loads((tmp_path / "layer.json").read_text(encoding="utf-8"))
    assert {each["techniqueID"]: each.get("score") for each in layer["techniques"]} == {"T1059": None, "T1059.013": 100}
    assert layer["techniques"][1]["comment"] == "6 of 6 attacks proven, by 2 rules together"


def test_a_worse_rule_gives_exit_1_and_its_place(tmp_path: Path) -> None:
    rule = tmp_path / "container-cli-api.yaml"
    source = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
    rule.write_text(source.replace('"docker exec", "docker run",', '"docker exec",'))
    done = livefire("prove", COMMITTED, "--rule", rule)
    assert done.returncode == 1
    assert "RULE_SILENT" in done.stdout
    assert f"{rule}:" in done.stdout


COMMANDS = "run evade capture prove mutate diff history list lint doctor clean".split()


@pytest.mark.parametrize(
    "command", [[], *([name] for name in COMMANDS), *(["lab", n] for n in ("up", "down", "pull", "status"))]
)
def test_help_fits_and_no_word_of_it_is_cut_off(command: list[str]) -> None:
    for option in ("-h", "--help"):
        done = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*command, option])
        assert done.exit_code == 0
        assert max(map(len, done.output.splitlines())) <= 80
        assert not re.search(r"\w(\.\.\.|…)$", done.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["prove", "nowhere"], 2, "nowhere: not a recording"),
        (["prove", str(COMMITTED), "--rule", "other.yaml"], 5, "no expectations for a rule named 'other'"),
        (["list", "T9999"], 5, "'T9999' selects no atomic"),
        (["list", "--expectations", "nowhere"], 2, "nowhere: there is no such file or folder"),
        (["history", "README.md"], 2, "README.md: this is not a folder"),
        (["mutate", "nowhere.yaml", str(COMMITTED)], 2, "nowhere.yaml: cannot be read: No such file or directory"),
        (["mutate", "atomics", str(COMMITTED)], 2, "atomics: cannot be read: Is a directory"),
        (["mutate", "x.yaml", str(COMMITTED), "--json", "no/such/f"], 2, "--json no/such/f: "),
        (["prove", str(COMMITTED), "--json", "tests"], 2, "--json tests: this is a folder, not a file"),
        (["run", "--dry-run", "--cluster", "context:"], 2, "--cluster context:: unknown"),
        (["capture", "--output", "README.md/x"], 2, "README.md/x: cannot be written: Not a directory"),
        (["run", "--dry-run", "--cluster", "minikube"], 2, "--cluster minikube: unknown"),
        (["run", "--dry-run", "--docker", "podman"], 2, "--docker podman: unknown"),
        (["lint", "nowhere"], 2, "nowhere: there is no such file or folder"),
        (["capture", "--output", str(COMMITTED)], 2, "there is something here already"),
        (["capture", "--repeat", "2", "--output", str(COMMITTED)], 2, "there is something here already"),
    ],
)
def test_mistakes_have_an_exit_code_and_one_clear_message(arguments: list[str], code: int, message: str) -> None:
    done = livefire(*arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_many_known_names_are_not_all_listed() -> None:
    said = livefire("list", "T9999").stderr
    assert len(said) < 900
    assert "`livefire list` shows all" in said


def test_a_dry_run_indents_the_further_lines_of_a_command() -> None:
    lines = livefire("run", "T1059.013/docker-build", "--dry-run", "--docker", "managed").stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  attack "))
    assert lines[first + 1].startswith(" " * 16)


def test_a_changed_byte_is_refused_with_exit_2(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
    path = copy / "tables/Auditd_CL.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    done = livefire("prove", copy)
    assert done.returncode == 2
    assert "Auditd_CL.parquet: does not match its hash" in done.stderr


def test_lint_finds_the_project_well_made_and_a_typo_at_its_place(tmp_path: Path) -> None:
    assert livefire("lint").returncode == 0
    path = main_job_rule(tmp_path)
    path.write_text(path.read_text().replace("fires: true", "fire: true", 1))
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "fire: true" in text)
    done = livefire("lint", tmp_path, "--sarif", tmp_path / "lint.sarif")
    assert done.returncode == 2
    assert f"container-cli-api.expect.yaml:{line}:5: unknown key 'fire'" in done.stderr
    found = json.loads((tmp_path / "lint.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    places = {each["message"]["text"]: each["locations"][0]["physicalLocation"]["region"] for each in found}
    assert places["unknown key 'fire'. Did you mean 'fires'?"]["startLine"] == line
    assert "Did you mean 'fires'?" in done.stderr


def test_list_and_dry_run_show_and_touch_nothing() -> None:
    listed = json.loads(livefire("list", "--json").stdout)
    assert set(MAIN_JOB) <= {each["atomic"] for each in listed}
    assert all("container-cli-api" in each["rules"] for each in listed)
    done = livefire("run", "T1059.013/docker-privileged-container-creation", "--dry-run", "--docker", "managed")
    assert done.returncode == 0
    assert "attack        docker run --rm --privileged --net=host livefire/busybox:local id" in done.stdout
    assert "docker: managed (named on the command line)" in done.stdout


def test_list_has_whole_names_under_the_rules_that_expect_something_of_them(tmp_path: Path) -> None:
    path = main_job_rule(tmp_path)
    path.rename(tmp_path / "x.expect.yaml")
    path.with_name("container-cli-api.yaml").rename(tmp_path / "x.yaml")
    lines = livefire("list", "--expectations", tmp_path).stdout.splitlines()
    assert lines[:4] == ["x", *(f"  {atomic}" for atomic in MAIN_JOB)]
    assert lines[4:7] == ["", "no rule", "  T1059.013/pipeline-build"]
    assert max(map(len, lines)) <= 80


def test_evade_shows_each_variant_and_an_unknown_family_is_nothing_selected() -> None:
    atomic = "T1059.013/docker-privileged-container-creation"
    done = livefire("evade", atomic, "--dry-run", "--docker", "managed", "--family", "flag-spelling")
    assert done.returncode == 0
    assert f"{atomic}~flag-spelling." in done.stdout
    assert "wrappers." not in done.stdout
    done = livefire("evade", atomic, "--dry-run", "--family", "flag-speling")
    assert done.returncode == 5
    assert "Did you mean 'flag-spelling'?" in done.stderr


def test_evade_says_where_there_is_no_other_way() -> None:
    done = livefire("evade", "T1059.013/docker-ps", "--dry-run", "--docker", "managed")
    assert done.returncode == 5
    assert "no family knows another way to do T1059.013/docker-ps" in done.stderr


def test_a_single_atomic_runs_alone_and_a_technique_with_its_variants() -> None:
    single = livefire("run", MAIN_JOB[0], "--dry-run", "--docker", "managed").stdout
    whole = livefire("run", "T1059.013", "--dry-run", "--docker", "managed").stdout
    assert "~" not in single
    assert f"{MAIN_JOB[0]}~wrappers." in whole
    assert f"{MAIN_JOB[0]}~" not in livefire("run", "T1059.013", "--dry-run", "--no-evasions").stdout


def test_a_pin_of_a_variant_that_there_is_not_is_a_mistake_at_its_place(tmp_path: Path) -> None:
    path = main_job_rule(tmp_path)
    before, grounds, after = path.read_text().partition("    grounds:")
    pin = "    evasions:\n      - {variants: [management-verbs.contaner-run], reason: x}\n"
    path.write_text(before + grounds + after.replace("    evasions:\n", pin, 1))
    done = livefire("lint", PROJECT / "atomics", tmp_path)
    assert done.returncode == 2
    assert "docker-privileged-container-creation has no variant 'management-verbs.contaner-run'" in done.stderr
    assert "Did you mean" in done.stderr


def test_doctor_gives_each_missing_tool_a_cure() -> None:
    done = livefire("doctor", "--json")
    findings = json.loads(done.stdout)
    level = {each["check"]: each["level"] for each in findings}
    assert {"root", "dockerd", "auditd", "disk", "kind", "inotify", "cgroups", "etcd", "kube-apiserver"} <= level.keys()
    assert set(level.values()) <= {"ok", "warn", "fail"}
    if level["root"] == "fail":
        assert done.returncode == 3
    missing = [each for each in findings if "is not installed" in each["said"]]
    assert all(each["level"] == "fail" and each["cure"] for each in missing)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three recordings in a folder, and rules for what is in them."""
    folder = tmp_path_factory.mktemp("nights")
    for name in ("one", "two", "three"):
        shutil.copytree(COMMITTED, folder / "nights" / name)
    (folder / "rules").mkdir()
    main_job_rule(folder / "rules")
    return folder


def test_a_folder_of_recordings_is_judged_whole(nights: Path) -> None:
    done = livefire("prove", nights / "nights", "--expectations", nights / "rules", "--json", "-")
    assert done.returncode == 1, done.stderr
    assert all(each["proofs"][0]["reason"] for each in json.loads(done.stdout))
    found = [Path(each["recording"]).name for each in json.loads(done.stdout)]
    assert found == ["one", "three", "two"]
    assert "not judged" not in done.stderr
    assert "\x1b" not in done.stderr  # no bar where there is no terminal


def test_a_bad_recording_among_others_leaves_nothing_half_written(nights: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(nights / "nights", tmp_path / "nights"))
    (folder / "two/seal").unlink()
    target = tmp_path / "result.json"
    done = livefire("prove", folder, "--expectations", nights / "rules", "--json", target)
    assert (done.returncode, done.stdout, target.exists()) == (2, "", False)
    assert f"{folder / 'two'}: not sealed" in done.stderr
    assert "1 of 3 recordings can't be judged" in done.stderr


def test_a_folder_without_recordings_is_invalid(tmp_path: Path) -> None:
    done = livefire("prove", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a recording, and there is none in it" in done.stderr


def test_what_no_recording_holds_is_said_and_fails_where_all_is_required(tmp_path: Path) -> None:
    path = main_job_rule(tmp_path)
    text = path.read_text()
    more = "\n".join(f"  - atomic: T1059.013/gone-{number}\n{_SILENT}" for number in "1234")
    path.write_text(f"{text.rstrip()}\n{more}\n")
    done = livefire("prove", COMMITTED, "--expectations", tmp_path)
    assert done.stdout.endswith(
        "not judged: 4 expectations without their atomic:\n  gone-1, gone-2, gone-3 and 1 more\n"
    )
    junit = tmp_path / "j.xml"
    done = livefire("prove", COMMITTED, "--expectations", tmp_path, "--require-all", "--json", "-", "--junit", junit)
    assert done.returncode == 1
    assert done.stderr.endswith("All were required: exit 1\n")
    suites = ElementTree.parse(junit).getroot()
    assert suites.get("failures") == "5"  # and that the rule has no benign run
    assert [case.get("name") for case in suites[-1]] == [f"gone-{number}" for number in "1234"]
    assert all(f"  T1059.013/gone-{number}\n" in done.stderr for number in "1234")
    assert json.loads(done.stdout)["exit_code"] == 1


def test_a_rule_of_which_nothing_is_expected_is_said_and_fails_where_all_is_required(tmp_path: Path) -> None:
    example = PROJECT / "examples/rules-repository/rules"
    rules = Path(shutil.copytree(example, tmp_path / "rules"))
    for name in ("second", "third"):
        shutil.copy(rules / "privileged-container.yaml", rules / f"{name}.yaml")
    done = livefire("prove", COMMITTED, "--expectations", rules)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("not judged: 2 rules without expectations:\n  second, third\n")
    done = livefire("prove", COMMITTED, "--expectations", rules, "--require-all", "--json", "-")
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (1, 1)
    assert done.stderr.endswith("All were required: exit 1\n")


_SILENT = """    oracle: [{name: o, sensor: auditd, kql: Auditd_CL}]
    signals: [{name: s, sensor: auditd, kql: Auditd_CL}]
    fires: false"""
