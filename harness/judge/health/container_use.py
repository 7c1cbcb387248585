"""Which atomics run something in containers, and which made a container with unknown configuration.

Both follow from attributed rows, and not from the socket that a request came by.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from harness.model.manifest import Manifest
from harness.recording import layout
from harness.telemetry.attribution.containers import is_runtime
from harness.telemetry.schema import SLICE, Row, Tables, may_be_of
from harness.telemetry.tables import build_tables

# Docker Engine API: requests that run something at once, and those that have the daemon build or run it.
_RUNS = re.compile(
    r"^(?:/v[\d.]+)?/(?:containers/[^/?]+/(?:start|restart|unpause|exec)|containers/create|services/create|build|grpc)"
    r"(?:\?|$)"
)
_CLIENTS = ("podman", "conmon", "ctr", "nerdctl", "crictl")
_ENTERS = ("", "exec", "attach", "ephemeralcontainers")


@dataclass(frozen=True)
class ContainerUse:
    """`untold` are containers with unknown configuration, as ids by slice; `used` are the slices that run something."""

    untold: dict[str, list[str]] = field(default_factory=dict)
    used: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: layout.Root, manifest: Manifest, untold: Collection[str]) -> ContainerUse:
        """The use in a recording, where `untold` containers have an unknown configuration. It builds all tables."""
        tables, by_slice = build_tables(root, manifest), dict[str, list[str]]()
        for row in tables["DockerDaemon_CL"]:
            if row["Source"] == "event" and row["Action"] == "create" and row["ContainerId"] in untold:
                by_slice.setdefault(row[SLICE], []).append(row["ContainerId"])
        return cls(by_slice, frozenset(row[SLICE] for row in _using(tables, manifest)))

    def untold_of(self, atomic: str) -> list[str]:
        """The ids of containers with unknown configuration that belong, or may belong, to an atomic."""
        return [id_ for slice_, ids in self.untold.items() if _is_of(slice_, atomic) for id_ in ids]

    def uses(self, atomic: str) -> bool:
        """Whether an atomic ran, or may have run, something in a container."""
        return any(_is_of(slice_, atomic) for slice_ in self.used)


def _is_of(slice_: str, atomic: str) -> bool:
    return slice_ == atomic or atomic in may_be_of(slice_)


def _using(tables: Tables, manifest: Manifest) -> Iterator[Row]:
    """The rows which show that something runs in a container on this host."""
    for row in tables["DockerDaemon_CL"]:
        requested = row["Source"] == "request" and row["Method"] == "POST" and _RUNS.match(row["Uri"])
        if requested or (row["Source"] == "event" and row["ContainerId"] and row["Action"] == "create"):
            yield row
    for row in tables["Auditd_CL"]:
        words = [str(word) for word in row["Argv"] or [] if word is not None]
        if row["ContainerId"] or is_runtime(words) or row["Exe"].rpartition("/")[2] in _CLIENTS:
            yield row
    for row in tables["AKSAudit"] if manifest.lab.nodes_here else ():
        reference = row["ObjectRef"] or {}
        acts = row["Verb"] == "create" or reference.get("subresource")
        if acts and reference.get("resource") == "pods" and (reference.get("subresource") or "") in _ENTERS:
            yield row
