"""The ledger: each thing that Livefire makes is written here first, and undone from here.

There is one way to take something down, and it is this one: after an orderly end and after `kill -9` alike.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.capture import undo
from harness.errors import LivefireError

Undo = Callable[..., None]
_KINDS: dict[str, Undo] = {
    "folder": undo.folder,
    "daemon": undo.daemon,
    "podman": undo.podman,
    "bridge": undo.bridge,
    "cgroup": undo.cgroup,
    "empty_folders": undo.empty_folders,
    "shim_sockets": undo.shim_sockets,
    "audit": undo.audit,
    "containers": undo.containers,
    "image": undo.image,
    "docker_network": undo.docker_network,
    "kind_cluster": undo.kind_cluster,
    "kube_objects": undo.kube_objects,
    "sysctl": undo.sysctl,
}


class Ledger:
    """An append-only file of JSON lines: `{"id", "kind", "what"}` when made, `{"undone": id}` when undone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, kind: str, **what: Any) -> int:
        """Write down what is about to be made, and return its number. On disk when this returns."""
        if kind not in _KINDS:
            raise ValueError(f"nothing can undo a {kind}")
        number = len(self._lines())
        self._append({"id": number, "kind": kind, "what": what})
        return number

    def open_entries(self) -> list[dict[str, Any]]:
        """What still has to be undone, the newest first."""
        lines = self._lines()
        undone = {line["undone"] for line in lines if "undone" in line}
        return [line for line in reversed(lines) if "id" in line and line["id"] not in undone]

    def undo(self) -> list[str]:
        """Undo everything, the newest first, each entry whatever became of the others; returns what failed."""
        problems: list[str] = []
        for entry in self.open_entries():
            if problems and entry["kind"] == "folder":
                break  # the ledger lies in it, and the next `clean` needs that
            try:
                _KINDS[entry["kind"]](**entry["what"])
            except (OSError, LivefireError) as error:
                problems.append(f"{entry['kind']} {_brief(entry['what'])}: {error}")
                continue
            if self.path.exists():  # the folder that holds the ledger may be what was removed
                self._append({"undone": entry["id"]})
        return problems

    def describe(self) -> list[str]:
        """One line for each open entry, in the order in which they will be undone."""
        return [f"{entry['kind']}: {_brief(entry['what'])}" for entry in self.open_entries()]

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        lines = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:  # cut off by a crash while it was written: then the thing was not made either
                continue
        return lines

    def _append(self, entry: dict[str, Any]) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, json.dumps(entry).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _brief(what: dict[str, Any]) -> str:
    return ", ".join(str(value) for value in what.values())
