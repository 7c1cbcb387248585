"""Queries that were made to run for ever, or to fill the memory, end at a limit and leave the engine as it was."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import interrupts
from harness.errors import LimitMet
from harness.kql.duckdb.database import Database
from harness.kql.duckdb.folding import stream_ranges
from harness.kql.engine import QueryFailed
from harness.kql.engine_choice import new_workspace
from harness.kql.limits import Limits

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LONG = {
    "a range": "range x from 1 to 10000000000 step 1 | count",
    "a range downwards": "range x from 10000000000 to 1 step -1 | where x == -1",
    "rows that are given": "range x from 1 to 10000000 step 1",
    "nested cross joins": """
        range a from 1 to 30000 step 1 | extend k = 1
        | join kind=inner (range b from 1 to 30000 step 1 | extend k = 1) on k | extend l = 1
        | join kind=inner (range c from 1 to 30000 step 1 | extend l = 1) on l | count""",
    "a sort": "range x from 1 to 100000000 step 1 | extend y = strcat(tostring(x), 'abcdefgh') | sort by y | take 1",
    "a count of parts": "print x = countof(strrep('a', 1000000), 'a')",
}
LARGE = {
    "a text": "print strrep('a', 2000000000)",
    "many texts": "range i from 1 to 3000 step 1 | extend x = strrep(tostring(i), 1000000) | where x has 'zz'",
    "a text in a text": "range i from 1 to 9000 step 1 | extend x = strrep(strrep(tostring(i), 1024), 1024)",
    "doubled again and again": "range i from 1 to 5000 step 1 | extend b = strcat('abc', tostring(i))"
    + " | extend b = strcat(b, b)" * 18,
    "a list": "range i from 1 to 100000 step 1 | extend x = strrep('abc', 100000) | summarize make_list(x)",
    "rows": "range x from 1 to 10000000000 step 1",
    "rows that are small for DuckDB and large for Python": "range x from 1 to 3000000 step 1 | extend "
    + ", ".join(f"c{number} = x > 5" for number in range(20)),
}


def test_the_engine_serves_after_a_limit() -> None:
    workspace = new_workspace(NOW, Limits(seconds=1))
    for kql in LONG.values():
        began = time.monotonic()
        with pytest.raises(LimitMet, match=r"a query took more than 1s") as raised:
            workspace.query(kql, "a")
        assert (raised.value.kql, raised.value.lost) == (kql, False)
        assert time.monotonic() - began < 20  # on a busy machine
        assert workspace.query("print x = 1", "a") == [{"x": 1}]


@pytest.mark.parametrize("kql", LARGE.values(), ids=LARGE)
def test_a_query_that_fills_the_memory(kql: str) -> None:
    workspace = new_workspace(NOW, Limits(seconds=60, memory=100_000_000))
    with pytest.raises(LimitMet, match="a query took more than 100 MB of memory"):
        workspace.query(kql, "a")
    assert workspace.query("print x = 1", "a") == [{"x": 1}]


@pytest.mark.parametrize(
    ("ask", "kql"),
    [
        ("columns", LONG["a count of parts"]),
        ("tables", "DeviceProcessEvents | where FileName in (" + "'x'," * 20_000 + "'x')"),
        ("speaks_of_nothing", LONG["a range"]),
    ],
)
def test_each_question_has_the_limits(ask: str, kql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "abandon", lambda: None)  # the parser ends by itself
    workspace = new_workspace(NOW, Limits(seconds=0.2))
    began = time.monotonic()
    with pytest.raises(LimitMet, match=r"a query took more than 0\.2s"):
        getattr(workspace, ask)(kql)
    assert time.monotonic() - began < 20


def test_a_predicate_has_the_limits() -> None:
    workspace = new_workspace(NOW, Limits(seconds=1))
    with pytest.raises(LimitMet):
        workspace.passing([{"x": 1}], "x in ((range y from -10000000000 to 0 step 1 | where y % 7 == 8))")


@pytest.mark.parametrize(
    "kql", ["print x = " + "(" * 5000 + "1" + ")" * 5000, "print x = 1 | where " + "x == 1 or " * 20_000 + "x == 2"]
)
def test_what_is_too_deep_or_too_long_to_parse_fails(kql: str) -> None:
    with pytest.raises(QueryFailed):
        new_workspace(NOW).query(kql, "a")


def test_no_thread_stays_when_its_engine_is_gone() -> None:
    workspace = new_workspace(NOW)
    workspace.query("print x = 1", "a")
    before = [thread for thread in threading.enumerate() if thread.name == "query"]
    del workspace
    for thread in before[-1:]:
        thread.join(5)
        assert not thread.is_alive()


def test_a_query_that_can_not_be_ended_is_left_to_itself() -> None:
    """As one that is inside of a function of DuckDB, on one block of rows: no interrupt reaches it."""
    code = """
import time
from harness import interrupts
from harness.errors import LimitMet
from harness.kql.limits import Limits
from harness.kql.duckdb import query_guard as guard

guard._PATIENCE = 0.2
guarded = guard.Guard(Limits(seconds=0.2), interrupt=lambda: None)
for work in (lambda: time.sleep(600), lambda: print("never")):
    try:
        guarded.run(work)
    except LimitMet as error:
        print(error.lost, error.message)
interrupts.leave_with(7)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    said = "True a query took more than 0.2s\nTrue an earlier query met its limit and could not be ended\n"
    assert (done.returncode, done.stdout, done.stderr) == (7, said, "")


@given(st.integers(-30, 30), st.integers(-30, 30), st.integers(-4, 4))
def test_a_range_gives_the_same_as_a_list(first: int, last: int, step: int) -> None:
    sql = (
        f"SELECT UNNEST(generate_series(CAST(CAST({first} AS BIGINT) AS BIGINT), "
        f'CAST(CAST({last} AS BIGINT) AS BIGINT), CAST(CAST({step} AS BIGINT) AS BIGINT))) AS "x"'
    )
    assert (stream_ranges(sql) == sql) == (step == 0)
    for text in (sql, stream_ranges(sql)):
        assert [row["x"] for row in DATABASE.rows(text, [])] == list(
            range(first, last + (1 if step > 0 else -1), step) if step else []
        )


DATABASE = Database(NOW, Limits(threads=1))
