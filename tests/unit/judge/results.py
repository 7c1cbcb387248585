"""Results for tests: of one atomic, and of one recording."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from harness.model.atomic_result import Alert, AtomicResult, Fired
from harness.model.manifest import LabFacts
from harness.model.observed import Executed
from harness.model.result import Background, EngineFacts, Result
from harness.model.verdict import ExitCode, Verdict

TIME = datetime(2026, 1, 2, tzinfo=UTC)


def of_atomic(
    atomic: str, verdict: Verdict = Verdict.PROVEN, *, expected: bool = True, fired: bool = True, **more: Any
) -> AtomicResult:
    """The result of an attack on which a rule fires, as it should; changed."""
    values: dict[str, Any] = {
        "guid": "",
        "name": atomic,
        "technique": "T1",
        "rule": "r",
        "at": "r.expect.yaml:1:1",
        "reason": "",
        "executed": Executed(ran=True, effect=True),
        "fired": Fired(expected=expected, actual=fired, rows=int(fired), expected_rows=int(expected)),
    }
    return AtomicResult(atomic=atomic, verdict=verdict, **values | more)


def of_recording(results: Sequence[AtomicResult], *, background_alerts: int = 0, **more: Any) -> Result:
    """What one recording gave."""
    values: dict[str, Any] = {
        "run_id": "run",
        "recording": "recording",
        "started": TIME,
        "finished": TIME,
        "versions": {},
        "lab": LabFacts(docker=None, cluster=None),
        "engine": EngineFacts(name="e", versions={}),
        "background": Background(alerts={"r": [Alert(row={})] * background_alerts}),
        "summary": {},
        "exit_code": ExitCode.AS_EXPECTED,
    }
    return Result(results=list(results), **values | more)
