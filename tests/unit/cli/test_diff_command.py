"""`livefire diff` on real results: known differences give the known diff."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB, main_job_rule
from tests.unit.cli.test_commands import livefire

RULE = "container-cli-api"


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two results of one recording: by our rule, and by one that has lost `docker run`."""
    folder = tmp_path_factory.mktemp("nights")
    worse = folder / f"{RULE}.yaml"
    source = EXPECTATIONS.with_name(worse.name)
    worse.write_text(source.read_text().replace('"docker exec", "docker run",', '"docker exec",'))
    for name, rule in (("old.json", source), ("new.json", worse)):
        assert livefire("prove", COMMITTED, "--rule", rule, "--json", folder / name).stderr == ""
    return folder / "old.json", folder / "new.json"


def test_a_rule_that_lost_a_word(nights: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = nights
    done = livefire("diff", old, new, "--json", "-", "--markdown", tmp_path / "summary.md")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [(r["atomic"], r["before"], r["after"], r["cause"]) for r in found["regressions"]] == [
        (MAIN_JOB[0], "PROVEN", "RULE_SILENT", "rule")
    ]
    assert list(found["inputs"]) == ["rule"]
    assert (found["improvements"], found["changes"]) == ([], [])
    assert "1 regression · 0 improvements · 0 changes · exit 1" in done.stderr
    assert "| regression | T1059.013/docker-container-execution |" in (tmp_path / "summary.md").read_text()


def test_the_other_way_round_it_is_an_improvement(nights: tuple[Path, Path]) -> None:
    old, new = nights
    done = livefire("diff", new, old)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 regressions · 1 improvement · 0 changes · exit 0" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_a_recording_is_proven_and_compared_with_a_result(nights: tuple[Path, Path], tmp_path: Path) -> None:
    main_job_rule(tmp_path)
    done = livefire("diff", nights[1], COMMITTED, "--expectations", tmp_path, "--json", "-")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["atomic"] for each in found["improvements"]] == [MAIN_JOB[0]]


def test_a_recording_by_which_a_rule_is_proven_no_more_is_a_regression(
    nights: tuple[Path, Path], tmp_path: Path
) -> None:
    main_job_rule(tmp_path)
    proven = json.loads(nights[0].read_text())
    assert proven["proofs"][0]["reason"] == "no benign run in which it is silent is proven"
    proven["proofs"][0] |= {"benign": 1, "reason": ""}
    old = tmp_path / "old.json"
    old.write_text(json.dumps(proven))
    done = livefire("diff", old, COMMITTED, "--expectations", tmp_path, "--json", "-")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert [(each["atomic"], each["before"]) for each in found["regressions"]] == [("proof of the rule", "proven")]


@pytest.mark.parametrize("option", ["--json", "--markdown"])
def test_a_file_that_can_not_be_written_is_named(nights: tuple[Path, Path], tmp_path: Path, option: str) -> None:
    done = livefire("diff", *nights, option, tmp_path / "nowhere/f")
    assert done.returncode == 2
    assert f"{tmp_path / 'nowhere/f'}: cannot be written: No such file or directory" in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "broken.json:1:2: not valid JSON"), ('{"schema": 1}', "broken.json: not a result (livefire.result/1)")],
)
def test_a_broken_file_is_named(nights: tuple[Path, Path], tmp_path: Path, content: str, message: str) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(content)
    for other, folder in ((broken, tmp_path), (tmp_path / "nowhere.json", tmp_path)):
        done = livefire("diff", nights[0], other)
        assert done.returncode == 2
        assert (message if other is broken else "nowhere.json: cannot be read") in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        assert "not a recording" in livefire("diff", nights[0], folder).stderr


@pytest.mark.parametrize("empty", ["old", "new"])
def test_a_result_in_which_nothing_was_judged_is_no_result(
    nights: tuple[Path, Path], tmp_path: Path, empty: str
) -> None:
    nothing = tmp_path / "nothing.json"
    nothing.write_text(json.dumps(json.loads(nights[0].read_text()) | {"results": []}))
    done = livefire("diff", *((nothing, nights[1]) if empty == "old" else (nights[0], nothing)))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {nothing}: nothing was judged in it\n"
