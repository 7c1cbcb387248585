"""What a failed test shows: the keys of the expectation that did not hold, and the evidence; no traceback."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.conftest import EXPECTATIONS, PROJECT, main_job_rule
from tests.unit.pytest_plugin.conftest import REPLAY, Run

RULE = "container-cli-api.yaml"
WHOLE = PROJECT / "tests/recordings/whole-technique"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def silence(proof: Path) -> None:
    change(proof / RULE, '"docker exec", "docker run",', '"docker exec",')


def test_a_silent_rule(proof: Path, run: Run) -> None:
    silence(proof)
    done = run(proof, REPLAY, "-rs")
    done.assert_outcomes(passed=14, failed=2, skipped=1)
    done.stdout.fnmatch_lines(
        [
            "RULE_SILENT  T1059.013/docker-container-execution",
            "  seen     auditd: EXECVE of docker with 'run'  raw/auditd.log:*",
            "*rejected by: ProcessCommandLine has_any (SuspiciousCommands)",
            "*closest row: raw/auditd.log:*",
            f"expectations/{EXPECTATIONS.name}:56:5:",
            "  24 |   - atomic: T1059.013/docker-container-execution",
            "   :",
            "  56 |     fires: true",
            "     |     ^",
            f"SKIPPED * expectations/{EXPECTATIONS.name}:24: the layer 'fired' failed: *",
        ]
    )


def test_wrong_flags_are_each_pointed_at(proof: Path, run: Run) -> None:
    path = proof / EXPECTATIONS.name
    change(path, "PrivilegedContainer: false", "PrivilegedContainer: true")
    change(path, "ContainerExec: false", "ContainerExec: true")
    done = run(proof, REPLAY, "-k", "container-execution and flags")
    done.assert_outcomes(failed=1, deselected=16)
    done.stdout.fnmatch_lines(
        [
            "WRONG_FLAGS *",
            "  flag     PrivilegedContainer: expected true, actual false",
            "  58 |     flags:",
            "  59 |       PrivilegedContainer: true",
            "     |       ^",
            "   :",
            "  61 |       ContainerExec: true",
            "     |       ^",
        ],
        consecutive=False,
    )


@pytest.mark.parametrize(
    ("old", "new", "layer", "verdict", "shown"),
    [
        ('Command == "whoami" and Priv', 'Command == "other" and Priv', "executed", "NOT_EXECUTED", "oracle:"),
        ('Exe endswith "/docker"', 'Exe endswith "/dock"', "seen", "NO_TELEMETRY", "signals:"),
        ("rows: 1", "rows: 2", "flags", "WRONG_FLAGS", "rows: 2"),
    ],
)
def test_the_key_of_each_layer(proof: Path, run: Run, old: str, new: str, layer: str, verdict: str, shown: str) -> None:
    change(proof / EXPECTATIONS.name, old, new)
    done = run(proof, REPLAY, "-k", f"container-execution and {layer}")
    done.assert_outcomes(failed=1, deselected=16)
    done.stdout.fnmatch_lines([f"{verdict} *", f"*| * {shown}", f"*{new}*" if layer != "flags" else "*^"])


@pytest.mark.parametrize("style", ["auto", "long", "native", "line"])
def test_no_traceback_in_any_style(proof: Path, run: Run, style: str) -> None:
    silence(proof)
    done = run(proof, REPLAY, f"--tb={style}", "-k", "container-execution")
    done.stdout.fnmatch_lines(["*RULE_SILENT *T1059.013/docker-container-execution*"])
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*pytest_plugin*")


def test_junit_says_verdict_and_reason_in_one_line(pytester: pytest.Pytester, proof: Path, run: Run) -> None:
    silence(proof)
    run(proof, REPLAY, "--junit-xml=j.xml", "-k", "container-execution")
    (failure,) = ET.parse(pytester.path / "j.xml").iter("failure")
    assert failure.get("message", "").startswith("RULE_SILENT  T1059.013/docker-container-execution no row passed:")
    assert "closest row: raw/auditd.log" in (failure.text or "")


def test_one_recording_that_fails_is_not_hidden_by_another_that_passes(proof: Path, run: Run, resealed: object) -> None:
    """Nor by one in which the atomic was skipped."""
    edit = {
        "raw/docker-events.jsonl": lambda lines: [line.replace('"exitCode": "0"', '"exitCode": "9"') for line in lines]
    }
    lost = resealed(edit)  # type: ignore[operator]
    skipped = resealed(  # type: ignore[operator]
        manifest=lambda manifest: manifest.model_copy(
            update={
                "detonations": [
                    each.model_copy(update={"skipped": "no docker", "attack": None})
                    if "docker-con" in each.atomic
                    else each
                    for each in manifest.detonations
                ]
            }
        )
    )
    given = [f"--livefire-recording={each.path}" for each in (skipped, lost)]
    done = run(proof, *given, REPLAY, "--livefire-from-raw", "-k", "container-execution and executed")
    done.assert_outcomes(failed=1, deselected=16)
    done.stdout.fnmatch_lines([f"  recorded in {lost.path}", "1 of 3 recordings"])


@pytest.fixture
def unmarked(pytester: pytest.Pytester) -> Path:
    """What is expected of one atomic, whose variants only the recording of a whole run holds."""
    return main_job_rule(pytester.mkdir("expectations"), atomics=["T1059.013/docker-container-execution"]).parent


def test_variants_are_judged_where_a_recording_holds_them_and_summed_up(unmarked: Path, run: Run) -> None:
    whole = f"--livefire-recording={WHOLE}"
    run(unmarked, whole).assert_outcomes(passed=7, failed=1)
    silence(unmarked)
    done = run(unmarked, whole, "-m", "livefire(kind='variants')")
    done.assert_outcomes(failed=1, deselected=7)
    done.stdout.fnmatch_lines(
        [
            "34 of 69 variants of T1059.013/docker-container-execution are not as expected",
            "  RULE_SILENT 34: environment.*",
            "*and 10 more",
            "RULE_SILENT  T1059.013/docker-container-execution~environment.*",
            "*| *fires: true",
        ]
    )
    assert len(done.stdout.lines) < 60


def test_false_alarms_in_the_background_are_shown(proof: Path, run: Run) -> None:
    change(proof / RULE, "| where FileName in~", "| where true or FileName in~")
    change(proof / RULE, "| where ProcessCommandLine has_any", "| where true or ProcessCommandLine has_any")
    done = run(proof, REPLAY, "-k", "background")
    done.assert_outcomes(failed=1, deselected=16)
    done.stdout.fnmatch_lines(["container-cli-api fires * where no atomic ran", "  alert  *", "  recorded in *"])
