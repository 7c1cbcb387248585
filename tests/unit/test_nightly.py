"""`scripts/nightly`: last night's result is found, compared, and kept for the next night.

`gh` is a stand-in: its runs and their artifacts are folders. What it was asked for is what the real one takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.files.expectation_file import load_expectations
from harness.files.result_file import write_json
from harness.judge.prove import prove
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.recording import open_recording
from tests.conftest import COMMITTED, EXPECTATIONS, PROJECT

GH = """#!/usr/bin/env bash
set -eu
case "$1 $2" in
  "run list")
    [ "$4 $6 $8" = "a/b nightly.yml main" ]
    ls -r runs ;;
  "run download") [ -d "runs/$3/$7" ] && cp -r "runs/$3/$7" "$9" ;;
esac
"""
ARTIFACT = "night-kubernetes-1.32"


@pytest.fixture(scope="module")
def proven() -> Result:
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A folder in which the script is run, with commands of its own."""
    commands = tmp_path / "bin"
    commands.mkdir()
    livefire = f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -m harness.cli.main "$@"\n'
    for name, text in (("gh", GH), ("livefire", livefire)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    (tmp_path / "runs").mkdir()
    return tmp_path


def run(night: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{night / 'bin'}:{os.environ['PATH']}",
        "HOME": str(night),
        "LANG": "C.UTF-8",
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_WORKFLOW_REF": "a/b/.github/workflows/nightly.yml@refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_RUN_ID": "9",
    }
    command = [str(PROJECT / "scripts/nightly"), *arguments]
    return subprocess.run(command, cwd=night, env=environment, capture_output=True, text=True, timeout=60, check=False)


def kept(night: Path) -> list[str]:
    return sorted(path.name for path in (night / "night/nights").iterdir())


def ended(night: Path, number: int, *, artifact: str = ARTIFACT) -> None:
    """What this night has left is now the artifact of a run that is over."""
    (night / "runs" / str(number)).mkdir()
    (night / "night").rename(night / "runs" / str(number) / artifact)


def worse(result: Result) -> Result:
    first, *others = result.results
    silent = first.model_copy(update={"verdict": Verdict.RULE_SILENT, "reason": "no row passed"})
    return result.model_copy(update={"results": [silent, *others]})


def test_from_the_first_night_to_a_regression_and_the_night_after_it(night: Path, proven: Result) -> None:
    write_json([proven], str(night / "good.json"))
    write_json([worse(proven)], str(night / "bad.json"))
    assert run(night, "fetch", ARTIFACT, "night").stdout == "this is the first night\n"
    done = run(night, "compare", "night", "good.json")
    assert done.returncode == 0, done.stderr
    assert "there is nothing to compare it with" in (night / "night/diff.md").read_text()
    assert len(kept(night)) == 1
    ended(night, 1)

    (night / "runs/2").mkdir()  # a night on which no lab came up, and so without an artifact
    (night / "runs/9").mkdir()  # the run that asks
    done = run(night, "fetch", ARTIFACT, "night")
    assert done.stdout == "the nights before this one are from run 1\n", done.stderr
    done = run(night, "compare", "night", "bad.json")
    assert done.returncode == 1
    assert "| regression |" in (night / "night/diff.md").read_text()
    assert ">History</h2>" in (night / "night/report.html").read_text().replace("\n", "")
    ended(night, 3)

    run(night, "fetch", ARTIFACT, "night")
    assert run(night, "compare", "night", "bad.json").returncode == 0  # it is no news any more
    assert len(kept(night)) == 3


def test_the_artifact_of_another_kubernetes_is_not_taken(night: Path, proven: Result) -> None:
    write_json([proven], str(night / "good.json"))
    run(night, "compare", "night", "good.json")
    ended(night, 1, artifact="night-kubernetes-1.31")
    assert run(night, "fetch", ARTIFACT, "night").stdout == "this is the first night\n"


def test_the_oldest_nights_are_dropped(night: Path, proven: Result) -> None:
    (night / "night/nights").mkdir(parents=True)
    for day in range(1, 20):
        write_json([proven], str(night / f"night/nights/2026-01-{day:02}T02-17-00Z.json"))
    write_json([proven], str(night / "good.json"))
    assert run(night, "compare", "night", "good.json").returncode == 0
    names = kept(night)
    assert len(names) == 14
    assert names[0] == "2026-01-07T02-17-00Z.json"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["compare", "night", "broken.json"], "broken.json:1:2: not valid JSON"), (["compare"], "usage: scripts/nightly")],
)
@pytest.mark.parametrize("before", [0, 1])
def test_what_can_not_be_read_is_no_regression_and_is_not_kept(
    night: Path, proven: Result, before: int, arguments: list[str], said: str
) -> None:
    (night / "night/nights").mkdir(parents=True)
    if before:
        write_json([proven], str(night / "night/nights/2026-01-01T02-17-00Z.json"))
    (night / "broken.json").write_text("{")
    done = run(night, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(kept(night)) == before
