"""Stored tables that don't follow from the raw logs are refused; `--from-raw` reads the logs alone, and says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.errors import RecordingDamaged
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.manifest import Manifest
from harness.model.result import Result
from harness.recording import RecordingWriter, layout, open_recording
from harness.report.describe import tables_read
from harness.report.html import to_html
from harness.report.junit import write_junit
from harness.report.markdown import to_markdown
from harness.telemetry.derivation import derive, store_tables
from harness.telemetry.schema import TABLES
from harness.telemetry.tables import build_tables
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB, PROJECT

Edit = Callable[[Path], object]
Change = Callable[[Manifest], Manifest]
TABLE = "tables/DeviceProcessEvents.parquet"
BY_HASH = "tables as stored: hashes and counts are those of their build from the raw logs"


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the committed recording with files and the manifest changed, and sealed anew."""

    def make(edit: Edit | None = None, manifest: Change = lambda manifest: manifest) -> Path:
        original = open_recording(COMMITTED).manifest
        writer = RecordingWriter(tmp_path / "recording")
        for name in ("raw", "tables"):
            shutil.copytree(COMMITTED / name, writer.path / name, dirs_exist_ok=True)
        if edit:
            edit(writer.path)
        writer.seal(manifest(original))
        return writer.path

    return make


def judged(path: Path, *, from_raw: bool = False) -> Result:
    return prove(open_recording(path), load_expectations(EXPECTATIONS), from_raw=from_raw)


def verdicts(result: Result) -> list[str]:
    return [str(each.verdict) for each in result.results]


def rewrite(folder: Path, sql: str) -> None:
    """Change a stored table's rows, as somebody would who forges evidence."""
    with duckdb.connect(":memory:") as con:
        con.execute(f"CREATE TABLE t AS SELECT * FROM read_parquet('{COMMITTED / TABLE}')")
        con.execute(sql)
        con.execute(f"COPY t TO '{folder / TABLE}' (FORMAT parquet)")


def without(word: str, name: str) -> Edit:
    def edit(folder: Path) -> None:
        lines = (folder / name).read_text().splitlines(keepends=True)
        kept = [line for line in lines if word not in line]
        assert kept != lines
        (folder / name).write_text("".join(kept))

    return edit


LOGS = [layout.AUDIT_LOG, layout.DAEMON_LOG, layout.DAEMON_EVENTS, layout.DAEMON_REQUESTS, layout.KUBE_AUDIT]


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("edit", [lambda p: p.write_text(p.read_text() + "\n"), lambda p: p.unlink()])
def test_a_log_that_is_another_one_is_refused(changed: Callable[..., Path], name: str, edit: Edit) -> None:
    with pytest.raises(RecordingDamaged, match="doesn't follow from it: they were made from another file") as caught:
        judged(changed(lambda folder: edit(folder / name)))
    assert str(caught.value.at).endswith(f"recording/{name}")
    assert any(table in caught.value.message for table in TABLES)
    assert "--from-raw" in caught.value.hint


def test_what_reads_late_is_no_log(changed: Callable[..., Path]) -> None:
    """raw/arrivals.jsonl is our own note of when a log could be read; no verdict rests on it."""
    assert verdicts(judged(changed(lambda folder: (folder / layout.ARRIVALS).unlink()))) == ["PROVEN"] * 3


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t WHERE ProcessCommandLine LIKE 'docker run%'",
        "UPDATE t SET ProcessCommandLine = 'true' WHERE ProcessCommandLine LIKE 'docker run%'",
        "INSERT INTO t SELECT * FROM t",
    ],
)
def test_a_table_that_is_another_one_is_refused(changed: Callable[..., Path], sql: str) -> None:
    path = changed(lambda folder: rewrite(folder, sql))
    with pytest.raises(RecordingDamaged, match="DeviceProcessEvents doesn't follow from the raw logs") as caught:
        judged(path)
    assert str(caught.value.at).endswith(TABLE)
    result = judged(path, from_raw=True)
    assert verdicts(result) == ["PROVEN"] * 3
    assert tables_read(result).endswith("raw logs: asked for; otherwise stored: DeviceProcessEvents")


def noted(manifest: Manifest, folder: Path, rows: dict[str, int] | None = None) -> Manifest:
    """The manifest with a note that agrees with a table that was changed; the counts are those of before, or `rows`."""
    assert manifest.derivation
    table = manifest.derivation.tables["DeviceProcessEvents"]
    update = {"sha256": layout.digest_of(folder, TABLE), "rows": rows or table.rows}
    tables = manifest.derivation.tables | {"DeviceProcessEvents": table.model_copy(update=update)}
    return manifest.model_copy(update={"derivation": manifest.derivation.model_copy(update={"tables": tables})})


def test_a_table_with_another_number_of_rows_is_refused_though_its_hash_was_noted(
    changed: Callable[..., Path], tmp_path: Path
) -> None:
    path = changed(
        lambda folder: rewrite(folder, f"DELETE FROM t WHERE _Slice = '{MAIN_JOB[0]}'"),
        lambda manifest: noted(manifest, tmp_path / "recording"),
    )
    with pytest.raises(RecordingDamaged, match=rf"DeviceProcessEvents .* it has 0 rows of {MAIN_JOB[0]}, and \d+ were"):
        judged(path)


def test_a_note_that_is_false_is_found_by_building_the_tables_anew(
    changed: Callable[..., Path], tmp_path: Path
) -> None:
    """A row was changed, and the note on it, too: hashes and counts can't tell any more."""
    path = changed(
        lambda folder: rewrite(folder, "UPDATE t SET ProcessCommandLine = 'x' WHERE FileName = 'docker'"),
        lambda manifest: noted(manifest, tmp_path / "recording"),
    )
    assert judged(path).tables_from == "stored tables"
    with pytest.raises(RecordingDamaged, match="doesn't follow from the raw logs, though the manifest says so") as e:
        judged(path, from_raw=True)
    assert str(e.value.at).endswith(TABLE)


def detonation(number: int, **update: Any) -> Change:
    def change(manifest: Manifest) -> Manifest:
        found = list(manifest.detonations)
        found[number] = found[number].model_copy(update=update)
        return manifest.model_copy(update={"detonations": found})

    return change


def attack(number: int, **update: Any) -> Change:
    def change(manifest: Manifest) -> Manifest:
        ran = manifest.detonations[number].attack
        assert ran
        return detonation(number, attack=ran.model_copy(update=update))(manifest)

    return change


@pytest.mark.parametrize(
    ("change", "who"),
    [
        (attack(0, session=77777), MAIN_JOB[0]),
        (attack(0, pid=77777), MAIN_JOB[0]),
        (attack(0, command="true"), MAIN_JOB[0]),
        (detonation(1, atomic="T1059.013/x"), "T1059.013/x"),
        (detonation(2, user="mallory"), MAIN_JOB[2]),
        (lambda m: m.model_copy(update={"harness_pid": 1}), "harness"),
        (lambda m: m.model_copy(update={"harness_users": ["mallory"]}), "harness"),
    ],
)
def test_who_did_it_is_what_the_tables_were_made_with(changed: Callable[..., Path], change: Change, who: str) -> None:
    with pytest.raises(RecordingDamaged, match=f"tables don't follow from what it says about {who}") as caught:
        judged(changed(manifest=change))
    assert str(caught.value.at).endswith("manifest.json")


def test_what_no_row_depends_on_may_be_otherwise(changed: Callable[..., Path]) -> None:
    assert "SKIPPED" in verdicts(judged(changed(manifest=detonation(0, attack=None, skipped="no docker"))))


def test_without_a_note_the_tables_are_built_anew(changed: Callable[..., Path]) -> None:
    """So it gains nobody anything to leave it out."""
    path = changed(without(" a1=", layout.AUDIT_LOG), lambda manifest: manifest.model_copy(update={"derivation": None}))
    result = judged(path)
    assert (result.tables_from, result.tables) == ("raw logs", "the recording has no note on its stored tables")
    assert set(verdicts(result)) != {"PROVEN"}
    assert "DeviceProcessEvents" in result.tables_differ


def test_the_note_is_on_what_was_written(tmp_path: Path) -> None:
    original = open_recording(COMMITTED).manifest
    shutil.copytree(COMMITTED / "raw", tmp_path / "raw")
    (tmp_path / "tables").mkdir()
    stored = store_tables(tmp_path, original.model_copy(update={"derivation": None, "tables": 0}))
    assert stored.derivation == original.derivation
    assert stored.derivation == derive(tmp_path, original, build_tables(tmp_path, original))
    assert sum(sum(each.rows.values()) for each in stored.derivation.tables.values()) > 600


@pytest.mark.parametrize(
    ("from_raw", "said"), [(False, BY_HASH), (True, "tables rebuilt from the raw logs: asked for")]
)
def test_each_report_says_what_was_read(tmp_path: Path, from_raw: bool, said: str) -> None:
    result = judged(COMMITTED, from_raw=from_raw)
    write_junit([result], tmp_path / "junit.xml")
    assert f'<property name="tables" value="{said}"' in (tmp_path / "junit.xml").read_text()
    assert said in to_markdown([result])
    assert said[1:] in to_html([result])


def command(*words: object) -> Any:
    return CliRunner().invoke(app, ["prove", *map(str, words), "--expectations", str(EXPECTATIONS.parent)])


def test_the_command_line_says_what_was_read_and_refuses_with_2(changed: Callable[..., Path], tmp_path: Path) -> None:
    for options, read, said in (([], "stored tables", BY_HASH), (["--from-raw"], "raw logs", "asked for")):
        done = command(COMMITTED, *options, "--json", tmp_path / "result.json")
        assert said in done.output
        assert json.loads((tmp_path / "result.json").read_text())["tables_from"] == read
    done = command(changed(without(" a1=", layout.AUDIT_LOG)))
    assert isinstance(done.exception, RecordingDamaged)
    assert done.exception.exit_code == 2


def test_the_first_recording_says_that_its_tables_were_built_anew() -> None:
    assert "the stored tables are of version 1" in tables_read(judged(PROJECT / "tests/recordings/first-tables"))
