"""Folding changes the cost of a query, never its answer."""

from __future__ import annotations

import hashlib
import itertools
import json

import duckdb
import duckdb_kql
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.files.rule_file import load_rule
from harness.kql.duckdb.folding import drop_json_branches, drop_switches, fold
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


values = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | words
documents = st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=2))


@settings(deadline=None, max_examples=60)
@given(words, st.lists(words, max_size=4), st.lists(documents, max_size=4), st.sampled_from(["has", "contains", "=~"]))
def test_a_switch_over_types_and_the_branch_that_it_takes_agree(
    needle: str, texts: list[str], documents: list[object], operator: str
) -> None:
    literal = "'" + needle.replace("\\", "\\\\").replace("'", "\\'") + "'"
    made = "extend s = tostring(s2), d = strcat(tostring(d2), '!')"
    kql = f"T | {made} | where s2 {operator} {literal} or d2 has {literal}"
    try:
        sql = str(duckdb_kql.to_sql(kql, schema={"T": ["s2", "d2"]}))
    except duckdb_kql.KqlError:
        return
    con = duckdb.connect(":memory:")
    con.execute("CREATE TABLE T (s2 VARCHAR, d2 JSON)")
    for text, document in itertools.product([*texts, needle, None], [*documents, needle]):
        con.execute("INSERT INTO T VALUES (?, ?)", [text, json.dumps(document)])
    dropped = drop_switches(sql, {"s2"}, {"d2"})
    assert "typeof" in sql
    assert 'CASE typeof("' not in dropped
    assert con.execute(fold(dropped)).fetchall() == con.execute(sql).fetchall()


def test_a_switch_over_a_column_of_unknown_type_or_made_anew_is_left() -> None:
    sql = str(duckdb_kql.to_sql('T | where tostring(c) == "x"', schema=SCHEMA))
    assert "CASE typeof" in sql
    assert drop_switches(sql, set(), set()) == sql
    anew = str(duckdb_kql.to_sql('T | extend c = parse_json(c) | where tostring(c) == "x"', schema=SCHEMA))
    assert drop_switches(anew, {"c"}, set()) == anew


def test_the_rule_is_the_source_documents_byte_for_byte() -> None:
    query = load_rule(EXPECTATIONS.with_name("container-cli-api.yaml")).query.encode()
    assert len(query) == 1281
    assert hashlib.sha256(query).hexdigest() == "e471fc05ca99f081de1126661713478776020d193712a5cf16a5aed5f8f05f53"
