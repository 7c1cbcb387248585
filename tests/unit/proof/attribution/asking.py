"""Audit records of an attack's process that asks another for something."""

from __future__ import annotations

from harness.model.manifest import Manifest
from harness.recording import open_recording
from tests.conftest import COMMITTED

MANIFEST: Manifest = open_recording(COMMITTED).manifest
FIRST = MANIFEST.detonations[0]
assert FIRST.attack is not None
assert FIRST.attack.session is not None
ATTACK, SESSION = FIRST.attack, FIRST.attack.session
AT = ATTACK.started.timestamp() + 0.01


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
