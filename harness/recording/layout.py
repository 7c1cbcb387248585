"""Names of the files in a recording, and how they are read.

A file may be stored as `NAME.gz` (RFC 1952) in place of NAME, to save space: what counts is its content.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

MANIFEST = "manifest.json"
SEAL = "seal"

AUDIT_LOG = "raw/auditd.log"
DAEMON_LOG = "raw/docker-daemon.log"
DAEMON_EVENTS = "raw/docker-events.jsonl"
DAEMON_REQUESTS = "raw/docker-requests.jsonl"
KUBE_AUDIT = "raw/kube-audit.jsonl"
KUBE_PODS = "raw/kube-pods.jsonl"
ARRIVALS = "raw/arrivals.jsonl"


PACKED = ".gz"
# What reading a packed file raises where it holds nothing that can be unpacked.
UNREADABLE = (OSError, EOFError, zlib.error)


def exists(root: Path, name: str) -> bool:
    """Whether a file of the recording at `root` is there, packed or not."""
    return (root / name).is_file() or (root / f"{name}{PACKED}").is_file()


def read(root: Path, name: str) -> bytes:
    """The content of a file of the recording at `root`; empty for one that its capture did not write."""
    path = root / name
    if path.exists():
        return path.read_bytes()
    packed = root / f"{name}{PACKED}"
    return gzip.decompress(packed.read_bytes()) if packed.exists() else b""


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_packed(path: Path) -> str:
    """SHA-256 of what a gzip file holds, in hex; empty where it holds nothing that can be unpacked."""
    try:
        with gzip.open(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except UNREADABLE:
        return ""
