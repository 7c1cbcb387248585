"""The cluster that atomics run against, of any kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers. `audit_log` is on this host; `owned` says that we started it.

    `node_image` is the image of its node; empty where it is not known, or there is no node.
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
