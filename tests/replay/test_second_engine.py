"""A second engine that does the least it must proves a recording as the first one does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.kql import engine_choice
from harness.model.result import Result
from harness.recording import Recording
from tests.conftest import EXPECTATIONS
from tests.unit.kql.second_engine import SecondEngine


def test_the_result_is_the_same(committed: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    expectations = load_expectations(EXPECTATIONS)
    first = told(prove(committed, expectations))
    monkeypatch.setattr(engine_choice, "new_engine", SecondEngine)
    second = told(prove(committed, expectations))
    assert (first.pop("engine")["name"], second.pop("engine")["name"]) == ("duckdb", "second")
    assert first == second


def told(result: Result) -> dict[str, Any]:
    """What the result says, but for when it was judged."""
    said: dict[str, Any] = json.loads(result.model_dump_json(exclude={"started", "finished"}))
    return said
