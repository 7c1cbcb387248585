"""With its shortcuts and without them, the engine gives equal rows, and the same lineage where both know it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.files.expectation_file import load_expectations
from harness.files.rule_file import load_rule
from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.duckdb.shortcuts import Shortcuts
from harness.kql.engine import QueryFailed, Row
from harness.kql.workspace import Workspace
from harness.recording import Recording, open_recording
from harness.telemetry.schema import BACKGROUND, RECORD, TABLES
from tests.conftest import COMMITTED, EXPECTATIONS, PROJECT

RECORDINGS = sorted(path.parent for path in (PROJECT / "tests/recordings").glob("*/seal"))
NONE = Shortcuts(carry=False, fold=False, cache=False)
QUERIES = sorted(
    {load_rule(path).query for path in EXPECTATIONS.parent.glob("*.yaml") if ".expect." not in path.name}
    | {
        signal.kql
        for path in EXPECTATIONS.parent.glob("*.expect.yaml")
        for expectation in load_expectations(path)
        for signal in [*expectation.entry.oracle, *expectation.entry.signals]
    }
)
assert len(QUERIES) > 50


def opened(recording: Recording, shortcuts: Shortcuts) -> Workspace:
    workspace = Workspace(DuckDbEngine(recording.manifest.finished, shortcuts=shortcuts))
    workspace.load(recording.sealed)
    return workspace


def slices_of(workspace: Workspace, most: int) -> list[str]:
    """The background and some others, from all over the recording."""
    names = sorted(workspace.slices() - {BACKGROUND})
    return [BACKGROUND, *names[:: max(1, len(names) // most)]]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_the_rows_and_their_lineage_are_the_same(path: Path) -> None:
    recording = open_recording(path)
    fast, plain = opened(recording, Shortcuts()), opened(recording, NONE)
    compared = Counter[str]()
    for slice_ in slices_of(plain, 3):
        for kql in QUERIES:
            rows, others = fast.query(kql, slice_), plain.query(kql, slice_)
            assert in_order(kql, rows) == in_order(kql, others), (slice_, kql)
            compared["rows"] += len(rows)
            for row in rows[:20]:
                for table in TABLES:
                    known = records(fast.matching(table, slice_, row))
                    # what looks alike, where it is not known, has at least the row that it came from
                    assert known <= records(plain.matching(table, slice_, row))
                    compared["origins"] += len(known)
    assert compared["rows"] > 20
    assert compared["origins"] > 20


@pytest.mark.parametrize(
    "shortcuts", [Shortcuts(carry=False), Shortcuts(fold=False), Shortcuts(cache=False)], ids=("carry", "fold", "cache")
)
def test_each_can_be_left_out_by_itself(shortcuts: Shortcuts) -> None:
    recording = open_recording(COMMITTED)
    fast, other = opened(recording, Shortcuts()), opened(recording, shortcuts)
    for slice_ in slices_of(fast, 2):
        for kql in QUERIES[::3]:
            assert in_order(kql, fast.query(kql, slice_)) == in_order(kql, other.query(kql, slice_)), (slice_, kql)


@pytest.mark.parametrize("carry", [True, False])
def test_where_both_know_the_lineage_it_is_the_same(carry: bool) -> None:
    recording = open_recording(COMMITTED)
    choices = [Shortcuts(carry), Shortcuts(carry, fold=False, cache=False)]
    one, other = (DuckDbEngine(recording.manifest.finished, shortcuts=shortcuts) for shortcuts in choices)
    both = 0
    for engine in (one, other):
        engine.load(recording.sealed)
    for slice_ in sorted(one.slices()):
        for kql in QUERIES:
            pairs = zip(one.run(kql, slice_).rows, other.run(kql, slice_).rows, strict=True)
            for origins, others in ((one.origins(a, slice_), other.origins(b, slice_)) for a, b in pairs):
                assert origins == others
                both += origins is not None
    assert (both > 50) is carry


def test_a_query_that_fails_does_so_either_way() -> None:
    recording = open_recording(COMMITTED)
    for shortcuts in (Shortcuts(), NONE):
        with pytest.raises(QueryFailed) as caught:
            opened(recording, shortcuts).query("DeviceProcessEvents | where Nope == 1", BACKGROUND)
        assert caught.value.unknown == "Nope"


def in_order(kql: str, rows: list[Row]) -> list[str]:
    """The rows to compare: no engine says in which order those are that nothing sorts, or that have equal keys."""
    told = [repr(sorted(row.items())) for row in rows]
    keys = re.findall(r"\b(?:sort|order) by (\w+)", kql)
    if keys and rows and keys[-1] in rows[0]:
        values = [row[keys[-1]] for row in rows]
        assert values in (sorted(values), sorted(values, reverse=True))
    return sorted(told)


def records(rows: Iterable[Row]) -> set[str]:
    return {row[RECORD] for row in rows}
