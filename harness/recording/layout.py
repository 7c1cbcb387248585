"""Names of the files in a recording."""

from __future__ import annotations

import hashlib
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


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
