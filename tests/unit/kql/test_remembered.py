"""What was answered of a query is not asked again, and nothing but an answer is remembered."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.engine import QueryFailed
from harness.kql.remembered import Remembered
from harness.kql.workspace import Workspace

NOW = datetime(2026, 1, 2, tzinfo=UTC)
QUERY = 'DeviceProcessEvents | where FileName has "docker" | project FileName, Privileged = true'
VACUOUS = "DeviceProcessEvents | summarize Number = count()"
CLOCK = "DeviceProcessEvents | summarize Number = count() | where now() > datetime(2025-01-01)"
WRONG = "DeviceProcessEvents | where Nobody == 1"


class Asked(DuckDbEngine):
    """An engine that counts what it was asked."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.counts: Counter[str] = Counter()

    def columns(self, kql: str) -> dict[str, str]:
        self.counts[kql] += 1
        return super().columns(kql)

    def tables(self, kql: str) -> set[str]:
        self.counts[kql] += 1
        return super().tables(kql)

    def row_by_row(self, kql: str) -> bool:
        self.counts[kql] += 1
        return super().row_by_row(kql)

    def speaks_of_nothing(self, kql: str) -> bool:
        self.counts[kql] += 1
        return super().speaks_of_nothing(kql)


def ask(file: Path, *queries: str) -> tuple[list[object], Asked]:
    engine = Asked()
    workspace = Remembered(engine, file)
    answers = [
        (workspace.columns(kql), workspace.tables(kql), workspace.row_by_row(kql), workspace.speaks_of_nothing(kql))
        for kql in queries
    ]
    workspace.keep()
    return list(answers), engine


def test_the_second_time_nothing_is_asked_and_the_answers_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "cache/lint.json"
    first, asked = ask(file, QUERY, VACUOUS)
    assert asked.counts == {QUERY: 4, VACUOUS: 4}
    second, not_asked = ask(file, QUERY, VACUOUS)
    assert not_asked.counts == {}
    assert first == second
    plain = Workspace(DuckDbEngine(NOW))
    assert first == [
        (plain.columns(kql), plain.tables(kql), plain.row_by_row(kql), plain.speaks_of_nothing(kql))
        for kql in (QUERY, VACUOUS)
    ]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_changed_query_is_asked_alone(tmp_path: Path) -> None:
    file = tmp_path / "lint.json"
    ask(file, QUERY, VACUOUS)
    changed = QUERY.replace("docker", "podman")
    _, engine = ask(file, changed, VACUOUS)
    assert engine.counts == {changed: 4}
    assert ask(file, QUERY, changed, VACUOUS)[1].counts == {}


def test_whether_a_query_with_a_clock_needs_a_row_is_asked_each_time(tmp_path: Path) -> None:
    file = tmp_path / "lint.json"
    assert ask(file, CLOCK)[0] == ask(file, CLOCK)[0]
    assert ask(file, CLOCK)[1].counts == {CLOCK: 1}
    row_by_row = "DeviceProcessEvents | where TimeGenerated > ago(1h)"
    ask(file, row_by_row)
    assert ask(file, row_by_row)[1].counts == {}


def test_a_mistake_is_never_remembered(tmp_path: Path) -> None:
    file = tmp_path / "lint.json"
    for _ in range(2):
        engine = Asked()
        workspace = Remembered(engine, file)
        for question in (workspace.columns, workspace.speaks_of_nothing):
            with pytest.raises(QueryFailed, match="Nobody"):
                question(WRONG)
        workspace.keep()
        assert engine.counts == {WRONG: 2}


def test_answers_of_another_version_are_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "lint.json"
    ask(file, QUERY)
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"maker": "another"}))
    assert ask(file, QUERY)[1].counts == {QUERY: 4}


@given(st.binary(max_size=40) | st.recursive(st.none() | st.booleans() | st.integers(), st.lists).map(json.dumps))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_whatever_stands_in_the_file_the_answers_are_the_engines(tmp_path: Path, content: bytes | str) -> None:
    file = tmp_path / "lint.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert Remembered(Asked(), file).columns(QUERY) == {"FileName": "string", "Privileged": "bool"}


@pytest.mark.parametrize("value", [None, 7, [], "", {"a": 1}, [1]])
def test_an_answer_of_another_kind_is_asked_again(tmp_path: Path, value: object) -> None:
    file = tmp_path / "lint.json"
    before = ask(file, QUERY)[0]
    document = json.loads(file.read_text())
    document["answers"] = dict.fromkeys(document["answers"], value)
    file.write_text(json.dumps(document))
    if value == []:  # as the tables of a query it would fit
        document["answers"] = dict.fromkeys(document["answers"], 7)
        file.write_text(json.dumps(document))
    assert ask(file, QUERY)[0] == before


def test_a_file_that_another_may_have_written_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "lint.json"
    ask(file, QUERY)
    file.chmod(0o622)
    assert ask(file, QUERY)[1].counts == {QUERY: 4}


def test_without_a_file_nothing_is_remembered_and_all_is_answered() -> None:
    workspace = Remembered(Asked(), None)
    assert workspace.tables(QUERY) == {"DeviceProcessEvents"}
    workspace.keep()


def test_no_home_is_made_for_a_user_who_has_none(tmp_path: Path) -> None:
    ask(tmp_path / "home/.cache/livefire/lint.json", QUERY)
    assert not (tmp_path / "home").exists()
    (tmp_path / "home").mkdir()
    ask(tmp_path / "home/.cache/livefire/lint.json", QUERY)
    assert (tmp_path / "home/.cache/livefire/lint.json").is_file()


def test_where_nothing_can_be_written_lint_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in the way")
    assert ask(tmp_path / "cache/lint.json", QUERY)[1].counts == {QUERY: 4}
