"""A mutant is called equivalent only where that holds for every text: tried on texts, by the engine itself."""

from __future__ import annotations

import re

import duckdb
import duckdb_kql
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.proof.mutation.equivalence import is_subsumed
from harness.proof.mutation.operators import mutations


def equivalent(kql: str) -> set[str]:
    return {m.before.strip(", ").strip('"') for m in mutations(kql) if is_subsumed(m, kql)}


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


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "-a", "a-", " ", "_", "1"]), min_size=1, max_size=4).map("".join)


@settings(deadline=None)
@given(WORDS.filter(str.strip), WORDS.filter(str.strip), WORDS, WORDS)
def test_what_is_called_equivalent_is(left: str, right: str, before: str, after: str) -> None:
    kql = f'T | where c has_any ("{left}", "{right}")'
    for mutation in mutations(kql):
        if is_subsumed(mutation, kql):
            for text in (f"{before}{left}{after}", f"{before}{right}{after}"):
                assert hits(kql, text) == hits(mutation.query, text)


def hits(kql: str, text: str) -> int:
    with duckdb.connect(":memory:") as con:
        con.execute("CREATE TABLE T (c VARCHAR)")
        con.execute("INSERT INTO T VALUES (?)", [text])
        return len(con.execute(str(duckdb_kql.to_sql(re.sub("\\s+$", "", kql), schema={"T": ["c"]}))).fetchall())
