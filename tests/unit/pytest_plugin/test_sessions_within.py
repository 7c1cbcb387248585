"""A query that can't be ended ends the process with it, but not before the outermost session has reported."""

from __future__ import annotations

import pytest

from tests.unit.pytest_plugin.conftest import REPLAY, Run

WITHIN = f"""
import threading, time
import pytest
from harness import interrupts

def test_within(tmp_path):
    interrupts.abandon()
    assert pytest.main([str(tmp_path), {REPLAY!r}]) == pytest.ExitCode.NO_TESTS_COLLECTED

def test_after():
    assert not "reached"
"""


def test_a_session_within_another_does_not_end_the_process(pytester: pytest.Pytester, run_apart: Run) -> None:
    pytester.makepyfile(WITHIN)
    done = run_apart(REPLAY, "--rootdir=.")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=1, failed=1)


def test_the_outermost_session_ends_beside_a_thread_that_works(pytester: pytest.Pytester, run_apart: Run) -> None:
    """One that Python would wait for."""
    pytester.makepyfile(
        "import threading, time\n"
        "from harness import interrupts\n\n"
        "def test_stuck():\n"
        "    interrupts.abandon()\n"
        "    threading.Thread(target=time.sleep, args=(600,)).start()\n"
    )
    done = run_apart(REPLAY)
    assert done.ret == pytest.ExitCode.OK
    done.assert_outcomes(passed=1)
