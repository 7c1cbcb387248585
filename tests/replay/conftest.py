"""What the replay tests share."""

from __future__ import annotations

from typing import Any

import pytest

from harness.kql.duckdb.carried_queries import CarriedQueries


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL of what engines execute over all slices, from here on."""
    ran: list[str] = []
    stand = CarriedQueries._stand

    def counted(self: CarriedQueries, plan: Any, now: Any) -> Any:
        ran.append(plan.sql)
        return stand(self, plan, now)

    monkeypatch.setattr(CarriedQueries, "_stand", counted)
    return ran
