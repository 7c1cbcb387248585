"""Somebody else's rules repository: Livefire as a wheel, without a checkout, and the example's workflow as written."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import COMMITTED, PROJECT

EXAMPLE = PROJECT / "examples/rules-repository"
RULE = "rules/privileged-container.yaml"
# Nothing is fetched: what Livefire depends on is there already.
OFFLINE = {
    f"PIP_{name}": "1" for name in ("NO_INDEX", "NO_DEPS", "NO_CACHE_DIR", "NO_COMPILE", "DISABLE_PIP_VERSION_CHECK")
}


def run(command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def must(command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> str:
    done = run(command, cwd, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Runner:
    """What runs a job's `run` steps one after the other, as GitHub's runner does, in a clone of the repository."""

    repository: Path
    environment: dict[str, str]

    def job(self, event: str) -> dict[str, int]:
        """The exit code of each step by its name. Steps go on after one that failed, if they say so."""
        workflow: Any = yaml.safe_load((self.repository / ".github/workflows/rules.yml").read_text())
        codes: dict[str, int] = {}
        for step in workflow["jobs"]["prove"]["steps"]:
            condition = step.get("if", "")
            goes_on = "!cancelled()" in condition or not any(codes.values())
            if "run" not in step or not goes_on or ("'pull_request'" in condition and event != "pull_request"):
                continue
            done = run(["bash", "-e", "-c", step["run"]], self.repository, self.environment)
            codes[step["name"]] = done.returncode
            self.printed = done.stdout + done.stderr
        return codes

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
        must(["git", *identity, *arguments], self.repository)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(PROJECT / "harness", source / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--wheel-dir", "dist", "."]
    must(command, source, os.environ | OFFLINE)
    (found,) = (source / "dist").iterdir()
    return found


@pytest.fixture
def runner(wheel: Path, tmp_path: Path) -> Runner:
    """A machine with Python alone, and a clone of a repository that was made as docs/nightly.md says."""
    venv.create(tmp_path / "python", symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "python")}))
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    repository = tmp_path / "rules-repository"
    shutil.copytree(EXAMPLE, repository)
    recording = repository / "recordings/first"
    shutil.copytree(COMMITTED, recording)
    for path in [*(recording / "raw").iterdir(), recording / "manifest.json"]:
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    (tmp_path / "temporary").mkdir()
    environment = OFFLINE | {
        "PATH": f"{tmp_path / 'python/bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "LIVEFIRE": wheel.as_uri(),
        "RUNNER_TEMP": str(tmp_path / "temporary"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    found = Runner(repository, environment)
    found.git("init", "--quiet")
    found.git("add", ".")
    found.git("commit", "--quiet", "--message=Rules")
    return found


def test_a_push_is_proven_by_the_installed_package_alone(runner: Runner, tmp_path: Path) -> None:
    assert runner.job("push") == dict.fromkeys(["Install", "Lint", "Prove", "Mutate", "Summary"], 0), runner.printed
    reports = runner.repository / "reports"
    assert json.loads((reports / "result.json").read_text())["summary"] == {"PROVEN": 3}
    assert "docker-privileged-container-creation" in (reports / "report.html").read_text(encoding="utf-8")
    assert "**3 PROVEN · exit 0**" in (tmp_path / "summary.md").read_text(encoding="utf-8")
    live = json.loads((runner.repository / "sarif/mutate-privileged-container.sarif").read_text())["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"] for each in live]
    assert places
    assert all(place == {"uri": RULE, "uriBaseId": "%SRCROOT%"} for place in places)

    shipped = "from harness.files.result_file import SCHEMA_FILE; print(SCHEMA_FILE); print(SCHEMA_FILE.read_text())"
    where, schema = must(["python", "-c", shipped], tmp_path, runner.environment).split("\n", 1)
    assert Path(where).is_relative_to(tmp_path)
    assert json.loads(schema)["title"] == "Result"
    tests = must(["python", "-m", "pytest", "-q"], runner.repository, runner.environment)
    assert "17 passed" in tests


def test_a_pull_request_that_makes_a_rule_worse_says_so(runner: Runner, tmp_path: Path) -> None:
    runner.git("checkout", "--quiet", "-b", "change")
    rule = runner.repository / RULE
    rule.write_text(rule.read_text().replace('"--net=host", ', ""))
    runner.git("commit", "--quiet", "--all", "--message=Fewer patterns")
    runner.git("checkout", "--quiet", "main")
    runner.git("merge", "--quiet", "--no-ff", "--message=Merge", "change")
    codes = runner.job("pull_request")
    ran = {"Install": 0, "Lint": 0, "Prove": 1, "Compare with the target branch": 0, "Summary": 0}
    assert codes == ran, runner.printed
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "| regression | T1059.013/docker-privileged-container-creation |" in summary
    assert "### Rule changed" in summary
    assert "| WRONG\\_FLAGS |" in summary
