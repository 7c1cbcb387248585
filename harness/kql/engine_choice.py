"""The choice of the engine; no other module names it."""

from __future__ import annotations

from datetime import datetime

from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.engine import Engine
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace


def new_engine(now: datetime, limits: Limits) -> Engine:
    """An engine without rows. KQL's `now()` and `ago()` count from `now`, the recording's own time."""
    return DuckDbEngine(now, limits)


def new_workspace(now: datetime, limits: Limits = Limits()) -> Workspace:
    """A workspace without rows, over a new engine."""
    return Workspace(new_engine(now, limits))
