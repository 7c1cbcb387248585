"""Audit records of an attack's process that asks another for something."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model.manifest import Manifest
from harness.recording import open_recording
from harness.telemetry.attribution import Residents, processes_of, read_residents, read_sessions
from harness.telemetry.readers.alive_processes import read_alive
from harness.telemetry.readers.audit_log import AuditEvent
from tests.conftest import COMMITTED

MANIFEST: Manifest = open_recording(COMMITTED).manifest
FIRST = MANIFEST.detonations[0]
assert FIRST.attack is not None
assert FIRST.attack.session is not None
ATTACK, SESSION = FIRST.attack, FIRST.attack.session
AT = ATTACK.started.timestamp() + 0.01


def residents_of(manifest: Manifest, lines: Iterable[str], events: Iterable[AuditEvent]) -> Residents:
    """Those of a list of processes and a log."""
    alive, told = read_alive(lines), list(events)
    return read_residents(manifest, alive, told, read_sessions(manifest, told, processes_of(alive)).of)


def unix(path: str) -> str:
    return (b"\x01\x00" + path.encode() + b"\x00").hex().upper()


def connects(address: str, session: int = SESSION, at: float = AT, serial: int = 999, **more: str) -> list[str]:
    head = f"msg=audit({at:.3f}:{serial}):"
    fields = {"success": "yes", "exit": "0"} | more
    told = " ".join(f"{name}={value}" for name, value in fields.items())
    return [
        f"type=SYSCALL {head} arch=c000003e syscall=42 {told} ppid=4 pid=5 uid=0 ses={session}",
        f"type=SOCKADDR {head} saddr={address}",
        f'type=CWD {head} cwd="/run"',
    ]
