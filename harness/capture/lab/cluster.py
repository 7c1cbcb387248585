"""The cluster that atomics run against, whichever kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.capture.state import OwnedFolder


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


class ClusterStarter(Protocol):
    """Brings a cluster up. Everything it makes is in the ledger of `owned` first; undoing that takes it down."""

    def __call__(self, owned: OwnedFolder, reason: str) -> Cluster: ...
