"""Options on the command line and in ini files, and what is said of wrong ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import COMMITTED, PROJECT
from tests.unit.pytest_plugin.conftest import REPLAY, Run

_FILES = {
    "pytest.ini": "[pytest]\nlivefire_recording = nights/one\n",
    "tox.ini": "[pytest]\nlivefire_recording = nights/one\n",
    "pyproject.toml": '[tool.pytest.ini_options]\nlivefire_recording = "nights/one"\n',
}
_NATIVE = '[tool.pytest]\nlivefire_recording = ["nights/one"]\nlivefire_from_raw = true\n'


@pytest.fixture
def nights(pytester: pytest.Pytester) -> Path:
    """A folder of recordings, and a file among them."""
    folder = pytester.mkdir("nights")
    for name in ("one", "two"):
        shutil.copytree(COMMITTED, folder / name)
    (folder / "notes.txt").write_text("quiet")
    return folder


@pytest.mark.parametrize(("name", "text"), [*_FILES.items(), ("pyproject.toml", _NATIVE)])
def test_an_ini_file_names_recordings_relative_to_itself(
    pytester: pytest.Pytester,
    proof: Path,
    nights: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
) -> None:
    if text == _NATIVE and pytest.version_tuple < (9,):
        pytest.skip("[tool.pytest] came with pytest 9")
    (pytester.path / name).write_text(text)
    monkeypatch.chdir(proof)
    run("-k", "secrets").assert_outcomes(passed=5, deselected=12)


def test_the_command_line_is_relative_to_where_pytest_was_started(
    pytester: pytest.Pytester, proof: Path, nights: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\nlivefire_recording = nowhere\n")
    monkeypatch.chdir(nights)
    run(proof, "--livefire-recording=two", "-k", "secrets").assert_outcomes(passed=5, deselected=12)


@pytest.mark.parametrize(("given", "recordings"), [("nights", 2), ("nights/o*", 1), ("nights/*", 2), ("nights/one", 1)])
def test_folders_and_wildcards_mean_the_recordings_in_them(
    pytester: pytest.Pytester, proof: Path, nights: Path, run: Run, given: str, recordings: int
) -> None:
    run(proof, f"--livefire-recording={given}", "-k", "secrets and fired", "--junit-xml=j.xml")
    assert (pytester.path / "j.xml").read_text().count('name="recording"') == recordings


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--livefire", REPLAY], "--livefire and --livefire-recording exclude each other"),
        (["--livefire-recording=nowhere"], "--livefire-recording nowhere: not there"),
        (["--livefire-recording=nights/no*"], "--livefire-recording nights/no[*]: not there"),
        (
            ["--livefire-recording=expectations"],
            "*expectations: not a recording, and there is none in it: no manifest.json",
        ),
        (["--livefire", "--livefire-cluster=kin"], "--livefire-cluster kin: unknown. It is one of auto, kind, *"),
        (["--livefire", "--livefire-docker=podman"], "--livefire-docker podman: unknown. It is one of auto, *"),
        (["--livefire", "--livefire-atomics=nowhere"], "--livefire-atomics */nowhere: not there"),
        (["-o", "livefire=perhaps"], "livefire in *: *perhaps*"),
        (["-o", "livefire_docker=podman", "-o", "livefire=yes"], "livefire_docker podman: unknown.*"),
        (["-o", "livefire_recording=nowhere"], "livefire_recording: */nowhere: not there"),
    ],
)
def test_a_wrong_value_is_one_line(proof: Path, nights: Path, run: Run, arguments: list[str], said: str) -> None:
    done = run(proof, *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert len([line for line in done.stderr.lines if line.strip()]) == 1


def test_the_command_line_beats_the_ini_file(pytester: pytest.Pytester, proof: Path, run: Run) -> None:
    pytester.makeini("[pytest]\nlivefire = true\n")
    run(proof, REPLAY, "-k", "secrets").assert_outcomes(passed=5, deselected=12)


def test_tables_are_rebuilt_from_raw_logs(pytester: pytest.Pytester, proof: Path, run: Run) -> None:
    pytester.makeini(f"[pytest]\nlivefire_recording = {COMMITTED}\nlivefire_from_raw = true\n")
    run(proof).assert_outcomes(passed=16, failed=1)


def test_a_recording_that_no_expectation_speaks_of_does_not_pass(
    proof: Path, run: Run, monkeypatch: pytest.MonkeyPatch, resealed: object
) -> None:
    other = resealed(manifest=lambda manifest: manifest.model_copy(update={"detonations": []}))  # type: ignore[operator]
    done = run(proof, REPLAY, f"--livefire-recording={other.path}")
    done.assert_outcomes(passed=16, failed=1)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines([f"livefire: no expectation names an atomic of {other.path}"])


def test_each_option_has_an_ini_key(run: Run) -> None:
    done = run("--help")
    options = [line.split()[0] for line in done.stdout.lines if line.strip().startswith("--livefire")]
    text = done.stdout.str()
    assert len(options) == 12
    assert all(f"  {option.removeprefix('--').split('=')[0].replace('-', '_')} (" in text for option in options)
    assert PROJECT.exists()


@pytest.mark.parametrize("how", ["--livefire-recording=", ""])
def test_an_empty_recording_is_refused(pytester: pytest.Pytester, proof: Path, run: Run, how: str) -> None:
    if not how:
        pytester.makeini("[pytest]\nlivefire_recording =\n")
    done = run(proof, *([how] if how else []))
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: *livefire*recording*: it must not be empty*"])
