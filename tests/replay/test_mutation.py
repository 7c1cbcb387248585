"""Mutants of the rule, judged by what was recorded for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import COMMITTED, PROJECT, main_job_rule

RULE = PROJECT / "expectations/T1059.013/container-cli-api.yaml"


def mutate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli.main", "mutate", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def sarif(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `report` leaves the findings."""
    return tmp_path_factory.mktemp("mutate") / "mutants.sarif"


@pytest.fixture(scope="module")
def report(sarif: Path) -> dict[str, Any]:
    done = mutate(RULE, COMMITTED, "--json", "-", "--sarif", sarif)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_live_mutant_is_a_warning_at_its_place(report: dict[str, Any], sarif: Path) -> None:
    (run,) = json.loads(sarif.read_text(encoding="utf-8"))["runs"]
    assert run["automationDetails"]["id"] == "livefire/mutate/container-cli-api/"
    warnings = []
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        at = f"{place['artifactLocation']['uri']}:{place['region']['startLine']}:{place['region']['startColumn']}"
        warnings += [(result["ruleId"], f"{PROJECT / at}")] if result["level"] == "warning" else []
    assert warnings == [(m["operator"], m["at"]) for m in report["mutants"] if m["status"] == "live"]
    assert warnings


def status(report: dict[str, Any], operator: str, before: str) -> dict[str, Any]:
    return next(m for m in report["mutants"] if m["operator"] == operator and m["before"].strip(", \n") == before)


@pytest.mark.parametrize(
    ("before", "killer"),
    [
        ('"docker run"', "T1059.013/docker-container-execution"),
        ('"--net=host"', "T1059.013/docker-privileged-container-creation"),
        ('"kubectl get secrets"', "T1059.013/kubectl-secrets-enumeration"),
    ],
)
def test_what_an_atomic_needs_is_killed_by_it(report: dict[str, Any], before: str, killer: str) -> None:
    found = [m for m in report["mutants"] if m["operator"] == "drop-literal" and m["before"].strip(", \n") == before]
    assert killer in {name for mutant in found for name in mutant["killed_by"]}


def test_what_no_atomic_needs_lives_and_says_what_it_wants(report: dict[str, Any]) -> None:
    mutant = status(report, "drop-literal", '"docker cp"')
    assert mutant["status"] == "live"
    assert mutant["suggestion"] == 'an atomic that matches "docker cp", and no other element of that list'
    assert mutant["at"] == f"{RULE}:{_line('docker cp')}:{_column('docker cp')}"


def test_a_column_that_the_metadata_needs_is_killed_by_lint(report: dict[str, Any]) -> None:
    assert status(report, "drop-column", "DeviceName")["killed_by"][0] == "lint"


@pytest.mark.parametrize(
    ("operator", "before", "after"),
    [
        ("shrink-window", "24h", "12h"),
        ("widen-window", "24h", "48h"),
        ("drop-where", "| where Timestamp > ago(24h)", ""),
    ],
)
def test_a_window_of_another_length_is_killed_at_the_end_of_the_period(
    report: dict[str, Any], operator: str, before: str, after: str
) -> None:
    (mutant,) = [
        m
        for m in report["mutants"]
        if m["operator"] == operator and m["before"].strip() == before and m["after"] == after
    ]
    assert mutant["killed_by"] == ["window"]


def test_an_equivalent_mutant_is_not_counted_and_says_why(tmp_path: Path) -> None:
    for path in RULE.parent.glob("container-cli-api.*"):
        shutil.copy(path, tmp_path)
    rule = tmp_path / RULE.name
    rule.write_text(rule.read_text().replace('"docker run",', '"docker run", "docker run",'))
    done = mutate(rule, COMMITTED, "--json", "-")
    found = [m for m in json.loads(done.stdout)["mutants"] if m["before"].strip(", \n") == '"docker run"']
    assert [m["status"] for m in found] == ["equivalent"] * 2
    assert found[0]["suggestion"] == "another element matches all that this one does"


def test_the_score_is_the_share_of_the_killed(report: dict[str, Any]) -> None:
    counted = [m["status"] for m in report["mutants"] if m["status"] in ("killed", "live")]
    assert report["score"] == pytest.approx(counted.count("killed") / len(counted))


def test_the_minimum_score_sets_the_exit_code() -> None:
    done = mutate(RULE, COMMITTED, "--minimum-score", "0.99")
    assert done.returncode == 1
    assert "score 0." in done.stdout


def test_a_rule_that_fails_as_it_is_has_no_score(tmp_path: Path) -> None:
    for path in RULE.parent.glob("container-cli-api.*"):
        shutil.copy(path, tmp_path)
    rule = tmp_path / RULE.name
    rule.write_text(rule.read_text().replace('"docker run",', ""))
    done = mutate(rule, COMMITTED)
    assert done.returncode == 1
    assert "the rule itself does not meet its expectations" in done.stderr


def test_a_file_name_may_be_no_utf_8(tmp_path: Path) -> None:
    """Such a name reaches the engine: the slices of a rule's grounds hold its path."""
    expectations = main_job_rule(tmp_path)
    assert "grounds:" in expectations.read_text()
    rule = (tmp_path / RULE.name).rename(tmp_path / os.fsdecode(b"r\xff.yaml"))
    expectations.rename(tmp_path / os.fsdecode(b"r\xff.expect.yaml"))
    done = mutate(rule, COMMITTED, "--json", "-")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert os.fsencode(report["rule"]) == b"r\xff"
    assert report["mutants"]


def _line(word: str) -> int:
    return next(n for n, line in enumerate(RULE.read_text().splitlines(), 1) if f'"{word}"' in line)


def _column(word: str) -> int:
    return RULE.read_text().splitlines()[_line(word) - 1].index(f'"{word}"') + 1


@pytest.mark.parametrize("seconds", [1.5, 4])
def test_ctrl_c_is_one_line(seconds: float) -> None:
    """The whole group gets it, as from a terminal, while the workers begin and while they judge."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", "mutate", str(RULE), str(COMMITTED.with_name("whole-technique"))],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert errors == "interrupted (SIGINT); what was made has been undone\n"
