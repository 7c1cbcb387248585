"""What the replay tests share."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kql.duckdb.duckdb_engine import DuckDbEngine


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of what engines execute over all slices, from here on."""
    ran: list[str] = []
    stand = DuckDbEngine._stand

    def counted(self: DuckDbEngine, plan: Any, now: Any) -> Any:
        ran.append(plan.sql)
        return stand(self, plan, now)

    monkeypatch.setattr(DuckDbEngine, "_stand", counted)
    return ran
