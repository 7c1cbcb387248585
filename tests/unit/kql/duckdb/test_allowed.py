"""A query may name the tables, and nothing else that the engine has."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.kql.engine import QueryFailed
from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace
from harness.telemetry.schema import TABLES


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return new_workspace(datetime(2026, 1, 4, tzinfo=UTC))


CATALOGUE = [
    "sqlite_master", "sqlite_schema", "pragma_database_list", "pg_class", "duckdb_tables", "duckdb_settings",
    "livefire_nothing", "deviceprocessevents", "_s0", "_l0_a", "['/etc/passwd']", "['https://localhost/x.parquet']",
    "['*']", "['information_schema.tables']", "database('main').sqlite_master", "database('x').DeviceProcessEvents",
    "database('information_schema').tables", "database('pg_catalog').pg_class", "Nothing",
]  # fmt: skip
WHERE = [
    "{}", "{} | count", "let a = {}; a | take 1", "let a = {}; let b = a | count; b",
    "DeviceProcessEvents | union ({})", "union DeviceProcessEvents, ({})",
    "DeviceProcessEvents | where FileName in (({} | project name))",
    "DeviceProcessEvents | where FileName !in~ (({} | project name))",
    "DeviceProcessEvents | extend x = toscalar({} | count)", "print x = toscalar({} | count)",
    "let n = toscalar({} | count); DeviceProcessEvents | where 1 == n",
    "DeviceProcessEvents | join kind=inner ({}) on FileName",
    "DeviceProcessEvents | join ({} | project FileName) on FileName",
    "DeviceProcessEvents | lookup ({}) on FileName", "({})", "datatable(a:string)['x'] | union ({})",
    "let f = () {{ {} }}; f()", "let f = (x:long) {{ {} | take x }}; f(1)",
]  # fmt: skip


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("where", WHERE)
def test_nothing_but_the_tables(workspace: Workspace, name: str, where: str) -> None:
    kql = where.format(name)
    for ask in (workspace.columns, lambda text: workspace.query(text, "a")):
        with pytest.raises(QueryFailed):
            ask(kql)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if not name.startswith("livefire_")])
@pytest.mark.parametrize("where", ["FileName in (({} | project name))", "1 == toscalar({} | count)"])
def test_nor_in_a_predicate(workspace: Workspace, name: str, where: str) -> None:
    with pytest.raises(QueryFailed, match=r"no table that a query may read|supported|syntax|schema"):
        workspace.passing([{"FileName": "x"}], where.format(name))
    with pytest.raises(QueryFailed):
        workspace.passing([{"FileName": "x"}], "1 == a", lets=f"let a = toscalar({name} | count);\n")


@pytest.mark.parametrize(
    "kql", [".show tables", "  .show databases", "// a comment\n.show tables", ".drop table DeviceProcessEvents"]
)
def test_a_control_command_is_no_query(workspace: Workspace, kql: str) -> None:
    with pytest.raises(QueryFailed):
        workspace.columns(kql)


@pytest.mark.parametrize(
    ("kql", "name", "place"),
    [
        ("sqlite_master | count", "sqlite_master", (1, 1)),
        ("DeviceProcessEvents\n| where FileName in ((sqlite_master | project name))", "sqlite_master", (2, 23)),
        ("DeviceProcessEvents\n| join ( ['/etc/passwd']) on FileName", "/etc/passwd", (2, 11)),
    ],
)
def test_it_is_named_at_its_place(workspace: Workspace, kql: str, name: str, place: tuple[int, int]) -> None:
    with pytest.raises(QueryFailed, match=f"'{name}' is no table that a query may read") as caught:
        workspace.columns(kql)
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("kql", "tables"),
    [
        ("let sqlite_master = DeviceProcessEvents; sqlite_master | count", {"DeviceProcessEvents"}),
        ("let a = datatable(x:long)[1]; a | union (print x=2)", set()),
        ("range x from 1 to 3 step 1", set()),
        ("let DeviceProcessEvents = datatable(FileName:string)['x']; DeviceProcessEvents | count", set()),
        ("print DockerDaemon_CL = 1", set()),
        ("union *", set(TABLES)),
        ("union Device*", {"DeviceProcessEvents"}),
        ("Auditd_CL | where Exe in ((DeviceProcessEvents | project FolderPath))", {"Auditd_CL", "DeviceProcessEvents"}),
        ("let n = toscalar(AKSAudit | count); Auditd_CL | where n == 1", {"AKSAudit", "Auditd_CL"}),
        ("Auditd_CL | mv-expand Argv | summarize count() by tostring(Argv)", {"Auditd_CL"}),
    ],
)
def test_what_a_query_reads(workspace: Workspace, kql: str, tables: set[str]) -> None:
    workspace.columns(kql)
    assert workspace.tables(kql) == tables


@given(st.text(min_size=1, max_size=20), st.sampled_from(WHERE))
def test_no_name_reaches_what_is_no_table(name: str, where: str) -> None:
    workspace = new_workspace(datetime(2026, 1, 4, tzinfo=UTC))
    quoted = "['" + name.replace("\\", "\\\\").replace("'", "\\'") + "']"
    if name in TABLES:
        return
    with pytest.raises(QueryFailed):
        workspace.columns(where.format(quoted))


def test_what_a_file_says_is_in_no_error(workspace: Workspace, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("HUSH,b\n1,2\n")
    fresh = new_workspace(datetime(2026, 1, 4, tzinfo=UTC))
    for kql in (f"['{secret}'] | where Nope == 1", f"['{secret}'] | project HUSHH"):
        with pytest.raises(QueryFailed) as caught:
            fresh.columns(kql)
        assert "HUSH," not in str(caught.value)
        assert "no table that a query may read" in str(caught.value)


def test_it_is_shut_in_before_any_kql(workspace: Workspace) -> None:
    fresh = DuckDbEngine(datetime(2026, 1, 4, tzinfo=UTC))
    fresh.columns("DeviceProcessEvents")
    settings = dict(
        fresh._database.con.execute(
            "SELECT name, value FROM duckdb_settings() WHERE name IN ('enable_external_access', 'lock_configuration',"
            " 'autoload_known_extensions', 'autoinstall_known_extensions', 'temp_directory')"
        ).fetchall()
    )
    assert {name: str(value).lower() for name, value in settings.items()} == {
        "enable_external_access": "false",
        "lock_configuration": "true",
        "autoload_known_extensions": "false",
        "autoinstall_known_extensions": "false",
        "temp_directory": "",
    }
