"""The path in the cluster's API of a resource that `kubectl get` reads."""

from __future__ import annotations

from harness.evasion.meaning import ResourceRead


def path(read: ResourceRead) -> str:
    """The path as a shell word; empty where the kubeconfig's context gives the namespace."""
    if read.has("all-namespaces"):
        return f"/api/v1/{read.resource}"
    if not read.has("namespace"):
        return ""
    collection = f"/api/v1/namespaces/{read.value('namespace')}/{read.resource}"
    return f"{collection}/{read.name}" if read.name else collection
