"""What can't be told whose it is: shown, no credit, no blame, and INCONCLUSIVE where a verdict hangs on it."""

from __future__ import annotations

import json

from harness.model.verdict import ExitCode, Verdict
from harness.recording import layout
from harness.report.markdown import to_markdown
from tests.conftest import Resealed
from tests.replay.test_verdicts import EXECUTION, PRIVILEGED, judged, of

GONE: dict[str, object] = {"pid": 1, "started": None, "session": None, "above": [], "cgroup": ""}


def unclear(lines: list[str]) -> list[str]:
    """As if each process that asked for the privileged container had ended before anybody could look at it."""
    found = []
    for line in lines:
        item = json.loads(line)
        if item["atomic"] == PRIVILEGED:
            item["peer"] = GONE
        found.append(json.dumps(item) + "\n")
    return found


def test_a_verdict_that_hangs_on_it_is_inconclusive(resealed: Resealed) -> None:
    result = judged(resealed({layout.DAEMON_REQUESTS: unclear}))
    found = of(result, PRIVILEGED)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason.startswith("it can't be attributed: the daemon created a privileged container")
    assert of(result, EXECUTION).verdict is Verdict.PROVEN
    assert result.background.count == 0
    assert result.exit_code is not ExitCode.AS_EXPECTED
    assert result.ambiguous.rows["DockerDaemon_CL"] > 3
    assert "AMBIGUOUS" in to_markdown([result])


def test_a_result_without_it_says_nothing_of_it(resealed: Resealed) -> None:
    result = judged(resealed({}))
    assert result.ambiguous.count == 0
    assert "AMBIGUOUS" not in to_markdown([result])
