"""A rules repository for pytest to run in, by itself or with workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb  # noqa: F401  pytester forgets what was imported within it, and this extension can't be loaded twice
import pytest

from tests.conftest import COMMITTED, PROJECT, main_job_rule

Run = Callable[..., pytest.RunResult]
Log = Callable[[], list[str]]
REPLAY = f"--livefire-recording={COMMITTED}"
HARDENED = PROJECT / "expectations/T1059.013/container-api-hardened.expect.yaml"

# What a worker judges is counted by a file that all of them write to.
_COUNTED = """
import os
from harness.pytest_plugin import judging

prove = judging.prove

def counted(recording, expectations, **options):
    with open({log!r}, "a") as log:
        log.write(f"{{recording.path.name}} {{','.join(sorted({{e.rule.id for e in expectations}}))}}\\n")
    return prove(recording, expectations, **options)

judging.prove = counted
"""

# A recording in place of a capture: what is asked here is how often, when and for what there is one.
_CAPTURED = """
import os
from pathlib import Path
from harness import session
from harness.recording import open_recording

def captured(atomics, options, folder, subscriber):
    with open({log!r}, "a") as log:
        log.write(" ".join(["capture", options.choice.cluster, *(atomic.id for atomic in atomics)]) + "\\n")
    return open_recording(Path({recording!r}))

session.capture = captured
"""


@pytest.fixture
def proof(pytester: pytest.Pytester) -> Path:
    """A rules repository with our rule and the expectations of three atomics."""
    return main_job_rule(pytester.mkdir("expectations")).parent


@pytest.fixture
def two_rules(proof: Path) -> Path:
    """The same with a second rule, which has the first one's signals."""
    main_job_rule(proof, HARDENED)
    return proof


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """pytest in this process."""
    return lambda *arguments: pytester.runpytest_inprocess("-p", "no:randomly", *map(str, arguments))


@pytest.fixture
def run_apart(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """pytest in a process of its own, as workers need it."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))  # this checkout's plugin, wherever one is installed
    monkeypatch.setenv("TMPDIR", str(pytester.mkdir("scratch")))
    return lambda *arguments: pytester.runpytest_subprocess("-p", "no:randomly", *map(str, arguments), timeout=120)


@pytest.fixture
def judged(pytester: pytest.Pytester) -> Log:
    """What was judged, over all processes: a recording and its rules."""
    log = pytester.path / "judged.log"
    pytester.makeconftest(_COUNTED.format(log=str(log)))
    return lambda: sorted(log.read_text().splitlines()) if log.exists() else []


@pytest.fixture
def captures(pytester: pytest.Pytester) -> Log:
    """What was captured, over all processes, where the committed recording stands in for each capture."""
    log = pytester.path / "captured.log"
    pytester.makeconftest(_CAPTURED.format(log=str(log), recording=str(COMMITTED)))
    return lambda: log.read_text().splitlines() if log.exists() else []
