"""Each operator changes one place, and the place is told exactly."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb_kql
import pytest

from harness.files.rule_file import load_rule
from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.engine import QueryFailed
from harness.study.mutation.operators import OPERATORS, mutations
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
        ("T | where t > ago(24h)", "shrink-window", ["T | where t > ago(0s)", "T | where t > ago(12h)"]),
        ("T | where t > ago(24h)", "widen-window", ["T | where t > ago(48h)"]),
        (
            "let w = 1d; T | where t > ago(w)",
            "shrink-window",
            ["let w = 12h; T | where t > ago(w)", "let w = 1d; T | where t > ago(0s)"],
        ),
        ("T | where t > ago(5m)", "shrink-window", ["T | where t > ago(0s)", "T | where t > ago(150s)"]),
        (
            'T | where a and not(b) or c == "x"',
            "drop-operand",
            ['T | where not(b) or c == "x"', 'T | where c == "x"', 'T | where a or c == "x"', "T | where a and not(b)"],
        ),
        (
            "union A, (B | where x), C",
            "drop-branch",
            ["union (B | where x), C", "union A, C", "union A, (B | where x)"],
        ),
        ("A | union B | where x", "drop-branch", ["A  | where x"]),
        ("T | extend a = iff(b, c, d + 1)", "drop-branch", ["T | extend a = (c)", "T | extend a = (d + 1)"]),
        (
            "T | extend a = case(b, c, d, e, f, g, h)",
            "drop-branch",
            [
                "T | extend a = case(d, e, f, g, h)",
                "T | extend a = case(b, c, f, g, h)",
                "T | extend a = case(b, c, d, e, h)",
            ],
        ),
        (
            'T | where a has_any ("x", "y") and b',
            "loosen-terms",
            ['T | where (a contains "x" or a contains "y") and b'],
        ),
        (
            'let L = dynamic(["x", "y"]); T | where a has_any (L)',
            "loosen-terms",
            ['let L = dynamic(["x", "y"]); T | where (a contains "x" or a contains "y")'],
        ),
        ("T | where a has_any (b)", "loosen-terms", []),
        ('T | where a startswith "x"', "change-operator", ['T | where a contains "x"']),
        ('T | where a matches regex "x.*"', "alter-literal", ['T | where a matches regex "livefire-altered"']),
        ('let L = dynamic(["x"]); T', "alter-literal", ['let L = dynamic(["livefire-altered"]); T']),
        (
            "T | where a == 7 and b == true",
            "alter-literal",
            ["T | where a == 8 and b == true", "T | where a == 7 and b == false"],
        ),
        (
            'T | extend A = strcat("x", b), F = isnotempty(b)',
            "negate-flag",
            ['T | extend A = strcat("x", b), F = not(isnotempty(b))'],
        ),
        (
            "T | extend F = Privileged, G = iff(a, true, false)",
            "fix-flag",
            [
                "T | extend F = false, G = iff(a, true, false)",
                "T | extend F = true, G = iff(a, true, false)",
                "T | extend F = Privileged, G = false",
                "T | extend F = Privileged, G = true",
            ],
        ),
        ("T | project a, b", "drop-column", ["T | project b", "T | project a"]),
        ('T | where a == "x"', "alter-literal", ['T | where a == "livefire-altered"']),
    ],
)
def test_an_operator(kql: str, operator: str, expected: list[str]) -> None:
    assert changes(kql, operator) == expected


# A rule over three tables, in the ways that rules are written in.
SECOND = """
// processes and calls
let Tools = dynamic(["docker", "kubectl"]);
let Flags = dynamic(["--privileged", "--pid=host"]);
let Window = 1d;
let Processes = DeviceProcessEvents
| where Timestamp > ago(Window) // and no longer
| where FileName in~ (Tools) or (FileName startswith "podman" and ActionType == "ProcessCreated")
| where ProcessCommandLine has_any (Flags) or ProcessCommandLine matches regex @"(?i)-v\\s+/"
| extend Privileged = ProcessCommandLine has_any (Flags), Kind = iff(FileName =~ "docker", "docker", "other")
| project Timestamp, Kind, Privileged, What = ProcessCommandLine;
let Calls = AKSAudit
| where TimeGenerated > ago(Window)
| where Verb in~ ("create", "list") and tostring(ObjectRef["resource"]) == "secrets"
| extend Code = toint(parse_json(tostring(ResponseStatus)).code)
| extend Kind = case(Code == 200, "allowed", Code == 403, "denied", "other"), Privileged = Code == 200 and Verb != "get"
| project Timestamp = TimeGenerated, Kind, Privileged, What = RequestUri;
union Processes, Calls,
  (DockerDaemon_CL
   | where Source == "inspect" and (Privileged or NetworkMode == "host")
   | project Timestamp = TimeGenerated, Kind = "daemon", Privileged, What = Command)
| sort by Timestamp desc
"""


@pytest.mark.parametrize("kql", [load_rule(RULE).query, SECOND], ids=["first", "second"])
def test_the_span_is_exact_and_every_mutant_of_a_rule_parses(kql: str) -> None:
    lines = kql.split("\n")
    found = mutations(kql)
    assert len(found) > 70
    for mutation in found:
        offset = sum(len(line) + 1 for line in lines[: mutation.line - 1]) + mutation.column - 1
        assert offset == mutation.offset
        assert kql[offset : offset + len(mutation.before)] == mutation.before
        assert mutation.query == kql[:offset] + mutation.after + kql[offset + len(mutation.before) :]
        assert mutation.query != kql
        assert duckdb_kql.parse(mutation.query).ok, mutation


def test_every_operator_finds_something_in_such_a_rule_and_most_mutants_run() -> None:
    found = mutations(SECOND)
    assert {mutation.operator for mutation in found} == OPERATORS.keys()
    engine = DuckDbEngine(datetime.now(UTC))
    engine.columns(SECOND)
    failed = []
    for mutation in found:
        try:
            engine.columns(mutation.query)
        except QueryFailed:
            failed.append(mutation)
    assert {mutation.operator for mutation in failed} <= {"drop-column", "drop-branch"}
    assert len(failed) < len(found) / 10


def test_no_two_mutants_are_the_same_change() -> None:
    found = mutations(load_rule(RULE).query)
    assert len({mutation.query for mutation in found}) == len(found)


def test_a_query_that_does_not_parse_has_none() -> None:
    with pytest.raises(QueryFailed):
        mutations("T | where (")
