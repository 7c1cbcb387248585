"""Old recordings stay readable: one that is committed as it was then, and copies as other versions would seal them."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from harness.errors import RecordingDamaged
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.kql.limits import Limits
from harness.model.manifest import Manifest
from harness.model.result import Result
from harness.model.verdict import ExitCode
from harness.recording import Recording, RecordingWriter, open_recording
from harness.study.mutation.bench import Bench, cases
from harness.telemetry.schema import TABLES, VERSION
from harness.telemetry.tables import build_tables, write_tables
from tests.conftest import COMMITTED, EXPECTATIONS, PROJECT, Resealed, main_job_rule

OLD = PROJECT / "tests/recordings/first-tables"
CURRENT = [COMMITTED, PROJECT / "tests/recordings/whole-technique"]


def verdicts(result: Result) -> list[tuple[str, str]]:
    return [(each.atomic, str(each.verdict)) for each in result.results]


def rows(folder: Path, table: str) -> tuple[list[Any], list[Any]]:
    with duckdb.connect(":memory:") as con:
        cursor = con.execute("SELECT * FROM read_parquet(?)", [str(folder / "tables" / f"{table}.parquet")])
        return cursor.description, cursor.fetchall()


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: path.name)
def test_the_tables_of_a_current_recording_are_those_of_its_raw_logs(path: Path, tmp_path: Path) -> None:
    """Column by column and row by row. When this fails, raise VERSION, and use scripts/rebuild-tables."""
    recording = open_recording(path)
    assert recording.manifest.tables == VERSION
    write_tables(build_tables(path, recording.manifest), tmp_path)
    for table in TABLES:
        assert rows(tmp_path, table) == rows(path, table), table


def test_an_old_recording_is_judged_by_its_raw_logs(committed: Recording) -> None:
    """It was sealed before a manifest had variants or a version of tables, and before answers were rows of a table."""
    text = gzip.decompress((OLD / "manifest.json.gz").read_bytes()).decode()
    assert "variant" not in text
    assert '"tables":' not in text
    old, expectations = open_recording(OLD), load_expectations(EXPECTATIONS)
    result = prove(old, expectations)
    assert result.tables == f"the stored tables are of version 1, not of version {VERSION}"
    assert result.exit_code is ExitCode.AS_EXPECTED
    assert verdicts(result) == verdicts(prove(committed, expectations))


def test_a_rule_that_reads_what_old_tables_lack_finds_it(tmp_path: Path) -> None:
    """The daemon's answers are in the old raw logs alone."""
    path = main_job_rule(tmp_path)
    source = path.with_name("container-cli-api.yaml")
    signal = '      - {name: answered, sensor: docker_daemon, kql: DockerDaemon_CL | where Message == "answered 201"}\n'
    text = path.read_text()
    path.write_text(text.replace("    signals:\n", f"    signals:\n{signal}", 1))
    assert source.exists()
    result = prove(open_recording(OLD), load_expectations(path))
    assert result.exit_code is ExitCode.AS_EXPECTED
    assert any(signal.name == "answered" and signal.seen for each in result.results for signal in each.signals)


def test_mutants_are_judged_by_old_recordings_too(tmp_path: Path) -> None:
    path = main_job_rule(tmp_path)
    expected = load_expectations(path)
    chosen = cases(expected, [OLD])
    assert len(chosen[0].expectations) == 3
    assert Bench(expected[0].rule, chosen, Limits()).unmet() == ""


def without_column(folder: Path) -> None:
    path = folder / "tables/DockerDaemon_CL.parquet"
    with duckdb.connect(":memory:") as con:
        con.execute("CREATE TABLE t AS SELECT * EXCLUDE (Body, Uri) FROM read_parquet(?)", [str(path)])
        con.execute(f"COPY t TO '{path}' (FORMAT parquet)")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without_column, "DockerDaemon_CL is stored without Body"),
        (lambda folder: (folder / "tables/AKSAudit.parquet").unlink(), "AKSAudit is not stored"),
        (lambda folder: (folder / "tables/AKSAudit.parquet").write_bytes(b"x"), "AKSAudit.parquet"),
    ],
)
def test_tables_of_another_shape_are_built_anew(
    committed: Recording, tmp_path: Path, change: Callable[[Path], None], why: str
) -> None:
    writer = RecordingWriter(tmp_path / "r")
    for name in ("raw", "tables"):
        shutil.copytree(COMMITTED / name, writer.path / name, dirs_exist_ok=True)
    change(writer.path)
    writer.seal(committed.manifest)
    changed, expectations = open_recording(writer.path), load_expectations(EXPECTATIONS)
    result = prove(changed, expectations)
    assert why in result.tables
    assert verdicts(result) == verdicts(prove(committed, expectations))
    assert prove(committed, expectations).tables == ""
    assert prove(committed, expectations, from_raw=True).tables == "asked for"


def test_tables_of_a_newer_version_are_built_anew(resealed: Resealed) -> None:
    def newer(manifest: Manifest) -> Manifest:
        return manifest.model_copy(update={"tables": VERSION + 1})

    assert f"of version {VERSION + 1}" in prove(resealed(manifest=newer), load_expectations(EXPECTATIONS)).tables


@pytest.fixture
def rewritten(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """A copy of the committed recording with other keys in its manifest, sealed as its version would have."""

    def make(keys: dict[str, Any]) -> Path:
        folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
        document = json.loads((folder / "manifest.json").read_text()) | keys
        text = json.dumps(document)
        (folder / "manifest.json").write_text(text)
        (folder / "seal").write_text(hashlib.sha256(text.encode()).hexdigest() + "\n")
        return folder

    return make


def test_a_newer_recording_of_the_same_number_is_read(rewritten: Callable[[dict[str, Any]], Path]) -> None:
    opened = open_recording(rewritten({"weather": {"degrees": -3}}))
    assert opened.manifest == open_recording(COMMITTED).manifest


def test_a_recording_of_a_higher_number_is_refused_by_its_name(rewritten: Callable[[dict[str, Any]], Path]) -> None:
    versions = {"versions": {"livefire": "2.5.0"}, "schema": "livefire.recording/2"}
    with pytest.raises(
        RecordingDamaged, match=r"a newer Livefire 2\.5\.0 has written it: it is livefire\.recording/2"
    ) as e:
        open_recording(rewritten(versions))
    assert e.value.hint.startswith("Update Livefire")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"schema": "somebody.else/1"}, "not a recording .*: its schema is .somebody.else/1."),
        ({"attribution": "by guess"}, "manifest.json: not a livefire.recording/1 manifest: attribution: "),
    ],
)
def test_another_manifest_is_refused(
    rewritten: Callable[[dict[str, Any]], Path], keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(RecordingDamaged, match=said):
        open_recording(rewritten(keys))
