"""Names of the files in a recording, and how they are read.

A file may be stored as `NAME.gz` (RFC 1952) instead of NAME, to save space: hashes are of its content.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from harness.errors import Position, RecordingDamaged

MANIFEST = "manifest.json"
SEAL = "seal"

AUDIT_LOG = "raw/auditd.log"
ALIVE = "raw/alive.jsonl"  # the processes that ran before the audit log begins
DAEMON_LOG = "raw/docker-daemon.log"
DAEMON_EVENTS = "raw/docker-events.jsonl"
DAEMON_REQUESTS = "raw/docker-requests.jsonl"
KUBE_AUDIT = "raw/kube-audit.jsonl"
KUBE_PODS = "raw/kube-pods.jsonl"
ARRIVALS = "raw/arrivals.jsonl"
LOGS = (AUDIT_LOG, ALIVE, DAEMON_LOG, DAEMON_EVENTS, DAEMON_REQUESTS, KUBE_AUDIT, KUBE_PODS, ARRIVALS)

PACKED = ".gz"
# What reading a packed file raises where it can't be unpacked.
UNREADABLE = (OSError, EOFError, zlib.error)
LIMIT = 2 << 30  # bytes of one file, unpacked: each file is read into memory
_CHUNK = 1 << 20


def table_file(name: str) -> str:
    """The name of a table's file in a recording."""
    return f"tables/{name}.parquet"


@dataclass(frozen=True)
class Sealed:
    """The folder of a verified recording. `files` maps each file to the SHA-256 of its content, in hex."""

    path: Path
    files: Mapping[str, str]


@dataclass(frozen=True)
class Nameless:
    """Files of a recording that have no name on disk, so that nothing is left when this process ends."""

    files: Mapping[str, BinaryIO]


@dataclass(frozen=True)
class KeptFiles:
    """A folder of which each file is read once; later reads return the same bytes from memory."""

    root: Path | Sealed | Nameless
    contents: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Root) -> KeptFiles:
        """A KeptFiles of a folder; `root` itself where it is one already."""
        return root if isinstance(root, KeptFiles) else cls(root)


Root = Path | Sealed | Nameless | KeptFiles  # the folder of an unfinished recording, of a sealed one, or no folder


def exists(root: Path, name: str) -> bool:
    """Whether a file of the recording at `root` is there, packed or not."""
    return (root / name).is_file() or (root / f"{name}{PACKED}").is_file()


def read(root: Root, name: str) -> bytes:
    """The content of a file of a recording; empty for a file that its capture did not write.

    In a sealed recording the content matches its hash in the manifest. Raises RecordingDamaged.
    """
    if isinstance(root, KeptFiles):
        if name not in root.contents:
            root.contents[name] = read(root.root, name)
        return root.contents[name]
    file = copy(root, name)
    if file is None:
        return b""
    with file:
        return file.read()


def copy(root: Root, name: str) -> BinaryIO | None:
    """As `read`, as a file without a name, which no other process can change; None for no file."""
    if isinstance(root, KeptFiles):
        root = root.root
    if isinstance(root, Nameless):
        return os.fdopen(os.dup(root.files[name].fileno()), "rb") if name in root.files else None
    path, digest = (root, None) if isinstance(root, Path) else (root.path, root.files.get(name))
    if isinstance(root, Sealed) and digest is None:
        return None
    out: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 -- it is the caller's
    try:
        actual = _hash(path, name, out)
        if actual is None and digest is None:
            out.close()
            return None
        if digest is not None and actual != digest:
            raise RecordingDamaged(
                "does not match its hash in the manifest",
                at=Position(path / name),
                hint="It was changed after its capture.",
            )
        out.seek(0)
    except UNREADABLE as error:
        out.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecordingDamaged(f"cannot be read: {reason}", at=Position(path / name)) from None
    except BaseException:
        out.close()
        raise
    return out


def digest_of(root: Path, name: str) -> str:
    """SHA-256 of the content of a file, packed or not, in hex; empty where it is missing or can't be read."""
    try:
        return _hash(root, name, None) or ""
    except UNREADABLE:
        return ""


def _hash(root: Path, name: str, out: BinaryIO | None) -> str | None:
    """The SHA-256 of a file's content, which is copied to `out` in chunks; None for no file."""
    for stored in (name, f"{name}{PACKED}"):
        try:
            plain = open_regular(root, stored)
        except FileNotFoundError:
            continue
        with plain:
            source = gzip.GzipFile(fileobj=plain) if stored != name else plain
            return _digest(source, out, root / stored)
    return None


def _digest(source: BinaryIO | gzip.GzipFile, out: BinaryIO | None, path: Path) -> str:
    sha, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > LIMIT:
            hint = "Livefire reads each file of a recording into memory."
            raise RecordingDamaged(f"holds more than {LIMIT >> 30} GiB", at=Position(path), hint=hint)
        sha.update(chunk)
        if out is not None:
            out.write(chunk)
    return sha.hexdigest()


def open_regular(root: Path, name: str) -> BinaryIO:
    """Open a file below `root` for reading, following no link. Raises OSError, RecordingDamaged for no regular file."""
    parts = Path(name).parts
    if not parts or ".." in parts or Path(name).is_absolute():
        raise RecordingDamaged("is no file of a recording", at=Position(root / name))
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder_name in parts[:-1]:
            inner = os.open(folder_name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
        # non-blocking, so that a FIFO without a writer does not hang
        file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise RecordingDamaged("is no regular file", at=Position(root / name))
    return os.fdopen(file, "rb")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
