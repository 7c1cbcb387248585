"""What a capture makes on a daemon that isn't ours has an entry in the capture's ledger, by its id or name."""

from __future__ import annotations

from pathlib import Path

from harness.capture.lab import docker_undo
from harness.capture.lab.docker_guard import DockerGuard
from harness.capture.ledger import Ledger, LedgerClosed


def guarded(daemon: Path, ledger: Ledger) -> DockerGuard:
    """A guard for the gateways to this daemon."""
    entries: dict[str, str] = {}  # by the name of an image

    def write(kind: str, name: str) -> None:
        if kind == "containers":
            ledger.add("container", socket=str(daemon), id=name)
        elif kind == "networks":
            ledger.add("atomic_network", socket=str(daemon), id=name)
        elif kind == "volumes":
            ledger.add("atomic_volume", socket=str(daemon), name=name)
        elif docker_undo.IMAGE.fullmatch(name):  # others' names are the business of the atomic that gives them
            entries[name] = ledger.add("image", socket=str(daemon), reference=name)

    def made(kind: str, name: str) -> None:
        try:
            write(kind, name)
        except LedgerClosed:  # it was on its way while all else was undone
            if kind == "containers":
                docker_undo.container(ledger.whose, str(daemon), name)
            raise

    def gone(name: str) -> None:
        if number := entries.pop(name, ""):
            ledger.mark_undone(number)

    return DockerGuard(daemon, made, gone)
