"""No byte of a committed recording holds a secret; and a secret that is put there is found."""

from __future__ import annotations

import base64
import gzip
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.conftest import COMMITTED, PROJECT
from tests.leaks import contents, leaks, written

RECORDINGS = sorted(path for path in (PROJECT / "tests/recordings").iterdir() if path.is_dir())
SECRET = b"livefire-secret-0123456789abcdef01234567"
EARLIER = b"livefire-canary-0123456789abcdef01234567"
TOKEN = b"eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"
KEY = b"-----BEGIN EC PRIVATE KEY-----"


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name)
def test_a_committed_recording_holds_no_secret(recording: Path) -> None:
    assert leaks(recording) == []


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name)
def test_what_is_searched_is_what_the_files_hold(recording: Path) -> None:
    """Packed files are unpacked and tables are read: a search of something else would find nothing."""
    found = dict(contents(recording))
    tables = [name for name in found if name.endswith(".parquet, cells")]
    assert len(tables) == 4
    assert all(b"livefire" in found[name] for name in tables)
    audit = next(
        content for name, content in found.items() if name in ("raw/auditd.log", "raw/auditd.log.gz, unpacked")
    )
    assert audit.count(b"type=EXECVE") > 50
    assert audit.count(b"livefire-canary-") > 4  # a sensor's tokens, which are no secrets


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(COMMITTED, tmp_path / "copy"))


@pytest.mark.parametrize("secret", [SECRET, EARLIER, TOKEN, KEY], ids=["canary", "earlier-canary", "token", "key"])
def test_a_secret_in_any_form_is_found(tmp_path: Path, secret: bytes) -> None:
    """By how it begins, and where its value is known by that."""
    for form in written(secret):
        (tmp_path / "auditd.log").write_bytes(b"a0=" + form + b"\n")
        assert leaks(tmp_path, [secret]), form
        assert leaks(tmp_path), form
    (tmp_path / "auditd.log").write_bytes(b"a0=" + bytes(reversed(secret)) + b" livefire-canary-0123456789abcdef\n")
    assert leaks(tmp_path, [secret]) == []


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_document_in_base64_hides_nothing(copy: Path, before: str) -> None:
    document = base64.b64encode(f'{before}{{"value": "{SECRET.decode()}"}}'.encode())
    (copy / "raw/kube-audit.jsonl").write_bytes(b'{"body": "' + document + b'"}')
    assert leaks(copy) == ["raw/kube-audit.jsonl: a canary secret"]


def test_a_secret_in_a_packed_file_is_found(copy: Path) -> None:
    (copy / "raw/auditd.log").unlink()
    (copy / "raw/auditd.log.gz").write_bytes(gzip.compress(b"x" * 999 + SECRET.hex().upper().encode()))
    assert leaks(copy) == ["raw/auditd.log.gz, unpacked: a canary secret"]


def test_a_secret_in_a_cell_of_a_table_is_found(copy: Path) -> None:
    """Where the bytes of the file don't show it."""
    path = copy / "tables/AKSAudit.parquet"
    with duckdb.connect(":memory:") as con:
        con.execute("CREATE TABLE t AS SELECT * FROM read_parquet(?)", [str(path)])
        con.execute("UPDATE t SET UserAgent = UserAgent || ? ", ["-" + SECRET.decode()])
        con.execute(f"COPY t TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    assert "tables/AKSAudit.parquet, cells: a canary secret" in leaks(copy)
