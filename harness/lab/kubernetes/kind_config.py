"""What kind reads and writes: the configuration of a cluster, and the kubeconfig with its credentials."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

_AUDIT = "/var/log/kubernetes"
_POLICY = "/etc/kubernetes/policies"
API_SERVER_ARGUMENTS = {
    "audit-log-path": f"{_AUDIT}/audit.log",
    "audit-policy-file": f"{_POLICY}/audit-policy.yaml",
    "audit-log-mode": "blocking",
    "audit-log-maxsize": "1024",
}


def cluster_config(name: str, image: str, folder: Path) -> dict[str, Any]:
    """kind's configuration (kind.x-k8s.io/v1alpha4), with a patch for each version of kubeadm's configuration."""
    volumes: list[dict[str, Any]] = [
        {"name": "audit-policies", "hostPath": _POLICY, "mountPath": _POLICY, "readOnly": True},
        {"name": "audit-logs", "hostPath": _AUDIT, "mountPath": _AUDIT},
    ]
    server: dict[str, Any] = {"extraVolumes": [v | {"pathType": "DirectoryOrCreate"} for v in volumes]}
    listed = [{"name": key, "value": value} for key, value in API_SERVER_ARGUMENTS.items()]
    patches = [
        {
            "apiVersion": f"kubeadm.k8s.io/{version}",
            "kind": "ClusterConfiguration",
            "apiServer": server | {"extraArgs": arguments},
        }
        for version, arguments in (
            ("v1beta2", API_SERVER_ARGUMENTS),
            ("v1beta3", API_SERVER_ARGUMENTS),
            ("v1beta4", listed),
        )
    ]
    # folders, not files: the log is rotated by renaming
    mounts = [
        {"hostPath": str(folder / "policy"), "containerPath": _POLICY, "readOnly": True},
        {"hostPath": str(folder / "audit"), "containerPath": _AUDIT},
    ]
    return {
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "kind": "Cluster",
        "name": name,
        "networking": {"apiServerAddress": "127.0.0.1"},
        "nodes": [
            {
                "role": "control-plane",
                "image": image,
                "kubeadmConfigPatches": [yaml.safe_dump(patch) for patch in patches],
                "extraMounts": mounts,
            }
        ],
    }


def credentials_by_path(kubeconfig: Path) -> Path:
    """Move keys and certificates out of a kubeconfig into files beside it.

    The client library would copy them to files in /tmp, which stay after a `kill -9`.
    """
    document = yaml.safe_load(kubeconfig.read_text())
    holders = [document["clusters"][0]["cluster"], document["users"][0]["user"]]
    for holder in holders:
        for key in [key for key in holder if key.endswith("-data")]:
            path = kubeconfig.parent / key.removesuffix("-data")
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(holder.pop(key)))
            holder[key.removesuffix("-data")] = str(path)
    kubeconfig.chmod(0o600)
    kubeconfig.write_text(yaml.safe_dump(document))
    return kubeconfig
