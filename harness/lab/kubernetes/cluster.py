"""The cluster that atomics run against, whichever kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers. `audit_log` lies on this host; `owned` says that we started it.

    `node_image` is what its node runs; empty where we don't know, and where there is no node.
    """

    kind: str
    name: str
    kubeconfig: Path
    audit_log: Path
    version: str
    reason: str
    owned: bool
    admin: str
    runs_pods: bool = False
    node_image: str = ""
