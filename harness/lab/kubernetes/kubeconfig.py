"""Kubeconfigs: for a cluster that we start, and a copy with another token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def write_kubeconfig(path: Path, original: Path, token: str) -> None:
    """Write a kubeconfig, mode 0600, for the cluster of the original's current context, with another token."""
    document = yaml.safe_load(original.read_text())
    current = next(c for c in document["contexts"] if c["name"] == document["current-context"])["context"]
    cluster = next(c for c in document["clusters"] if c["name"] == current["cluster"])["cluster"]
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(kubeconfig_document(cluster, {"token": token})))


def kubeconfig_document(cluster: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context, all called `livefire`."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "livefire",
        "clusters": [{"name": "livefire", "cluster": cluster}],
        "users": [{"name": "livefire", "user": user}],
        "contexts": [{"name": "livefire", "context": {"cluster": "livefire", "user": "livefire"}}],
    }
