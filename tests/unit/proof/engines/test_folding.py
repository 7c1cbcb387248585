"""Folding changes the cost of a query, never its answer."""

from __future__ import annotations

import hashlib

import duckdb
import duckdb_kql
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.rule import load_rule
from harness.proof.engines.folding import drop_json_branches, fold
from tests.conftest import EXPECTATIONS

words = st.text(st.sampled_from("ab-_/:.*|()[]{}\\$^+? 'é1"), min_size=1, max_size=6)
SCHEMA = {"T": ["c"]}


@settings(deadline=None, max_examples=60)
@given(st.lists(words, min_size=1, max_size=5), st.lists(words, max_size=5), st.sampled_from(["has_any", "has"]))
def test_folded_and_unfolded_agree(needles: list[str], texts: list[str], operator: str) -> None:
    listed = ", ".join("'" + n.replace("\\", "\\\\").replace("'", "\\'") + "'" for n in needles)
    kql = f"T | where c has_any ({listed})" if operator == "has_any" else f"T | where c has {listed.split(', ')[0]}"
    try:
        sql = str(duckdb_kql.to_sql(kql, schema=SCHEMA))
    except duckdb_kql.KqlError:
        return
    con = duckdb.connect(":memory:")
    con.execute("CREATE TABLE T (c VARCHAR)")
    for text in [*texts, *needles, *(f"x{n}y" for n in needles), *(f" {n.upper()} " for n in needles)]:
        con.execute("INSERT INTO T VALUES (?)", [text])
    expected = con.execute(sql).fetchall()
    assert con.execute(fold(sql)).fetchall() == expected
    assert con.execute(fold(drop_json_branches(sql, {"c"}))).fetchall() == expected


def test_the_rule_is_folded_and_has_few_expressions_left() -> None:
    sql = str(duckdb_kql.to_sql(load_rule(EXPECTATIONS.with_name("container-cli-api.yaml")).query))
    assert sql.count("regexp_matches(") == 74
    assert fold(sql).count("regexp_matches(") == 16
    assert fold(drop_json_branches(sql, {"ProcessCommandLine"})).count("regexp_matches(") == 8
    assert drop_json_branches(sql, set()) == sql


def test_a_column_that_the_query_makes_anew_keeps_both_branches() -> None:
    sql = str(duckdb_kql.to_sql('T | extend c = parse_json(c) | where c has "x"', schema=SCHEMA))
    assert drop_json_branches(sql, {"c"}) == sql


def test_the_rule_is_the_source_documents_byte_for_byte() -> None:
    query = load_rule(EXPECTATIONS.with_name("container-cli-api.yaml")).query.encode()
    assert len(query) == 1281
    assert hashlib.sha256(query).hexdigest() == "e471fc05ca99f081de1126661713478776020d193712a5cf16a5aed5f8f05f53"
