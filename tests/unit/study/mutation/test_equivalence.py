"""A mutant is called equivalent only where that holds for every text: tried on texts, by the engine itself."""

from __future__ import annotations

import re

import duckdb
import duckdb_kql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.study.mutation.equivalence import equivalence
from harness.study.mutation.operators import mutations


def equivalent(kql: str) -> set[str]:
    return {m.before.strip(", ").strip('"') for m in mutations(kql) if equivalence(m, kql)}


@pytest.mark.parametrize(
    ("needles", "expected"),
    [
        (["docker", "docker run"], {"docker run"}),
        (["run", "docker run"], {"docker run"}),
        (["DOCKER", "docker run"], {"docker run"}),
        (["dock", "docker run"], set()),  # a term must end where the needle does
        (["-v", "a -v b"], {"a -v b"}),
        (["--privileged", "--net=host"], set()),
    ],
)
def test_a_needle_that_another_one_stands_in(needles: list[str], expected: set[str]) -> None:
    listed = ", ".join(f'"{needle}"' for needle in needles)
    assert equivalent(f"T | where c has_any ({listed})") == expected
    assert equivalent(f"let L = dynamic([{listed}]); T | where c has_any (L)") == expected


def test_a_list_of_whole_values_subsumes_nothing() -> None:
    assert equivalent('T | where c in~ ("docker", "docker run")') == set()


def proven(kql: str) -> set[tuple[str, str, str]]:
    return {(m.operator, m.before.strip(", "), m.after) for m in mutations(kql) if equivalence(m, kql)}


@pytest.mark.parametrize(
    ("kql", "expected"),
    [
        ('T | where c in~ ("a", "A", "b")', {("drop-literal", '"a"', ""), ("drop-literal", '"A"', "")}),
        ('T | where c in ("a", "A", "b")', set()),
        ('T | where c in ("a", "a", "b")', {("drop-literal", '"a"', "")}),
        ('T | where c has_all ("a b", "a")', {("drop-literal", '"a"', "")}),
        ('T | where c has_any ("x")', {("change-operator", "has_any", "has_all")}),
        ('T | where c in~ ("1", "/.")', {("change-operator", "in~", "in")}),
        ('T | where c in~ ("1", "a")', set()),
        ('T | where c =~ "1"', {("change-operator", "=~", "==")}),
        ("T | where c =~ d", set()),
        ('T | where c has "--x="', {("change-operator", "has", "contains")}),
        ('T | where c has "--x"', set()),
        ('T | where c has "--k="', set()),  # the Kelvin sign
        (
            'T | where c has_any ("-x-", "/")',
            {("loosen-terms", 'c has_any ("-x-", "/")', '(c contains "-x-" or c contains "/")')},
        ),
        (
            'T | where c == "x" and d and c == "x"',
            {("drop-operand", 'c == "x" and', ""), ("drop-operand", 'and c == "x"', "")},
        ),
        # a list that a let binds is only as free as the strictest of its uses
        ('let L = dynamic(["a", "a b"]); T | where c has_any (L)', {("drop-literal", '"a b"', "")}),
        ('let L = dynamic(["a", "a b"]); T | where c has_any (L) or d in (L)', set()),
        ('let L = dynamic(["a", "a b"]); T | extend n = array_length(L) | where c has_any (L)', set()),
        ('let L = dynamic(["a", "a b"]); let M = L; T | where c has_any (L) and d has_any (M)', set()),
    ],
)
def test_what_is_proven_and_no_more(kql: str, expected: set[tuple[str, str, str]]) -> None:
    assert {(operator, before.strip(), after) for operator, before, after in proven(kql)} == expected


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "-a", "a-", " ", "_", "1"]), min_size=1, max_size=4).map("".join)


@settings(deadline=None)
@given(
    st.sampled_from(["has_any", "has_all", "in~", "in"]),
    *(WORDS.filter(str.strip), WORDS.filter(str.strip)),
    *(WORDS, WORDS),
)
def test_what_is_called_equivalent_is(operator: str, left: str, right: str, before: str, after: str) -> None:
    kql = f'T | where c {operator} ("{left}", "{right}")'
    for mutation in mutations(kql):
        if equivalence(mutation, kql):
            for text in (
                f"{before}{left}{after}",
                f"{before}{right}{after}",
                f"{left}{after}{right.upper()}",
                right.upper(),
            ):
                assert hits(kql, text) == hits(mutation.query, text)


def hits(kql: str, text: str) -> int:
    with duckdb.connect(":memory:") as con:
        con.execute("CREATE TABLE T (c VARCHAR)")
        con.execute("INSERT INTO T VALUES (?)", [text])
        return len(con.execute(str(duckdb_kql.to_sql(re.sub("\\s+$", "", kql), schema={"T": ["c"]}))).fetchall())
