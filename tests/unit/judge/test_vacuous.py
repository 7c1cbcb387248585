"""Evidence that yields rows over empty tables shows nothing, and so does a rule that fires over them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return new_workspace(datetime(2026, 1, 4, tzinfo=UTC))


@pytest.mark.parametrize(
    "kql",
    [
        "DockerDaemon_CL | where false | count",
        "DockerDaemon_CL | count",
        "union (DockerDaemon_CL), (print x=1)",
        "let a = datatable(x:long)[1]; union a, (DockerDaemon_CL | project x = 2)",
        "print DockerDaemon_CL=1",
        "DockerDaemon_CL | summarize n = count() | where n >= 0",
        "let n = toscalar(DockerDaemon_CL | count); print n | where print_0 >= 0",
        "let DockerDaemon_CL = datatable(x:long)[1]; DockerDaemon_CL",
    ],
)
def test_what_yields_rows_over_empty_tables(workspace: Workspace, kql: str) -> None:
    assert workspace.speaks_of_nothing(kql)


@pytest.mark.parametrize(
    "kql",
    [
        "DockerDaemon_CL",
        "DockerDaemon_CL | summarize n = count() by Action",
        "DockerDaemon_CL | summarize n = count() | where n > 0",
        "union DockerDaemon_CL, AKSAudit | where true",
        "DockerDaemon_CL | join kind=inner (AKSAudit) on TimeGenerated",
    ],
)
def test_what_does_not(workspace: Workspace, kql: str) -> None:
    assert not workspace.speaks_of_nothing(kql)
