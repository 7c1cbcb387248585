"""The seed of a cluster of ours: canary secrets, configmaps, and a pod to act on."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.image import REFERENCE
from harness.lab.kubernetes.kube_api import KubeApi, metadata
from harness.lab.kubernetes.kube_identities import create_namespace

# The value of each canary secret begins with this text, and nothing else does, so a recording can be searched for it.
CANARY_SECRET = "livefire-secret-"
_SEED: dict[str, dict[str, list[str]]] = {
    "payments": {"secret": ["stripe-api-key", "ledger-db"], "configmap": ["gateway"]},
    "web": {"secret": ["session-key"], "configmap": ["frontend", "feature-flags"]},
    "platform": {"secret": ["registry-pull", "ci-token"], "configmap": ["build"]},
    "ci": {"secret": [], "configmap": []},
}
# A pod to act on. It listens, so that a port of it can be forwarded; without a node it stays pending.
TARGET = "web", "target"
_LISTEN = "echo listening; while true; do echo target | nc -l -p 8080; done"


def seed(api: KubeApi, run_id: str) -> None:
    """Make canary secrets and configmaps in several namespaces, and the pod TARGET.

    The secrets' values are random.
    """
    for namespace, kinds in _SEED.items():
        create_namespace(api, namespace, run_id)
        for name in kinds["secret"]:
            value = base64.b64encode(f"{CANARY_SECRET}{secrets.token_hex(12)}".encode()).decode()
            body = {"metadata": metadata(name, run_id), "type": "Opaque", "data": {"value": value}}
            api.call("POST", f"/api/v1/namespaces/{namespace}/secrets", body)
        for name in kinds["configmap"]:
            body = {"metadata": metadata(name, run_id), "data": {"mode": "canary"}}
            api.call("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
    wait_until("the pod 'target'", lambda: _create_target(api, run_id), timeout=30)


def _create_target(api: KubeApi, run_id: str) -> None:
    """Make the pod. Raises NotYet: with a node, a controller must first make the ServiceAccount that a pod needs."""
    namespace, name = TARGET
    answer = api.call("POST", f"/api/v1/namespaces/{namespace}/pods", _target(name, run_id), allow=403)
    if answer.get("kind") != "Pod":
        raise NotYet(str(answer.get("message")))


def _target(name: str, run_id: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": REFERENCE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _LISTEN],
        "ports": [{"containerPort": 8080}],
    }
    labelled = metadata(name, run_id)
    labelled["labels"]["app"] = name
    return {"metadata": labelled, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}
