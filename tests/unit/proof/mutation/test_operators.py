"""Each operator changes one place, and the place is told exactly."""

from __future__ import annotations

import duckdb_kql
import pytest

from harness.model.rule import load_rule
from harness.proof.engines import QueryFailed
from harness.proof.mutation.operators import mutations
from tests.conftest import PROJECT

RULE = PROJECT / "expectations/T1059.013/container-cli-api.yaml"


def changes(kql: str, operator: str) -> list[str]:
    return [mutation.query for mutation in mutations(kql) if mutation.operator == operator]


def test_each_element_of_a_list_is_dropped_with_one_comma() -> None:
    assert changes('T | where a has_any ("x", "y")', "drop-literal") == [
        'T | where a has_any ("y")',
        'T | where a has_any ("x")',
    ]
    assert changes('let L = dynamic(["x", "y"]); T | where a in~ (L)', "drop-literal") == [
        'let L = dynamic(["y"]); T | where a in~ (L)',
        'let L = dynamic(["x"]); T | where a in~ (L)',
    ]


def test_the_last_element_of_a_list_stays() -> None:
    assert changes('T | where a has_any ("x")', "drop-literal") == []


@pytest.mark.parametrize(
    ("kql", "operator", "expected"),
    [
        ('T | where a == "x" | where b', "drop-where", ["T  | where b", 'T | where a == "x" ']),
        ("T | extend F = a > 1", "negate-flag", ["T | extend F = not(a > 1)"]),
        ("T | extend F = a > 1", "fix-flag", ["T | extend F = false", "T | extend F = true"]),
        ('T | where a in~ ("x", "y")', "change-operator", ['T | where a in ("x", "y")']),
        ('T | where a has_any ("x", "y")', "change-operator", ['T | where a has_all ("x", "y")']),
        ("T | where t > ago(24h)", "shrink-window", ["T | where t > ago(0s)"]),
        ("T | project a, b", "drop-column", ["T | project b", "T | project a"]),
        ('T | where a == "x"', "alter-literal", ['T | where a == "livefire-altered"']),
    ],
)
def test_an_operator(kql: str, operator: str, expected: list[str]) -> None:
    assert changes(kql, operator) == expected


def test_the_span_is_exact_and_every_mutant_of_the_rule_parses() -> None:
    kql = load_rule(RULE).query
    lines = kql.split("\n")
    found = mutations(kql)
    assert len(found) > 70
    for mutation in found:
        offset = sum(len(line) + 1 for line in lines[: mutation.line - 1]) + mutation.column - 1
        assert kql[offset : offset + len(mutation.before)] == mutation.before
        assert mutation.query == kql[:offset] + mutation.after + kql[offset + len(mutation.before) :]
        assert mutation.query != kql
        assert duckdb_kql.parse(mutation.query).ok, mutation


def test_no_two_mutants_are_the_same_change() -> None:
    found = mutations(load_rule(RULE).query)
    assert len({mutation.query for mutation in found}) == len(found)


def test_a_query_that_does_not_parse_has_none() -> None:
    with pytest.raises(QueryFailed):
        mutations("T | where (")
