"""Where a resource that `kubectl get` reads lies in the API of the cluster."""

from __future__ import annotations

from harness.evasion.meaning import ResourceRead


def path(read: ResourceRead) -> str:
    """The path as a shell word; empty where the namespace is that of the kubeconfig's context."""
    if read.has("all-namespaces"):
        return f"/api/v1/{read.resource}"
    if not read.has("namespace"):
        return ""
    whole = f"/api/v1/namespaces/{read.value('namespace')}/{read.resource}"
    return f"{whole}/{read.name}" if read.name else whole
