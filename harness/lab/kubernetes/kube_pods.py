"""Pods and nodes of a cluster: their state, a list, a watch, and the pod for canaries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import urllib3

from harness.lab.docker.image import REFERENCE
from harness.lab.kubernetes.kube_api import PODS, KubeApi, metadata

CANARY = "livefire.run/canary"  # an annotation
_LONGEST_WATCH = 24 * 3600  # seconds


def node_state(api: KubeApi) -> str:
    """Empty when every node is Ready and pods can be made, else what is missing."""
    nodes = api.call("GET", "/api/v1/nodes")["items"]
    for node in nodes:
        conditions = {c["type"]: c for c in node.get("status", {}).get("conditions", [])}
        ready = conditions.get("Ready", {})
        if ready.get("status") != "True":
            return f"node {node['metadata']['name']}: {ready.get('message') or 'not Ready'}"
    if not nodes:
        return "no node has registered"
    # the admission of pods needs it, and a controller makes it later
    account = api.call("GET", "/api/v1/namespaces/default/serviceaccounts/default", allow=404)
    return "" if account.get("kind") == "ServiceAccount" else "the default ServiceAccount is not there"


def pod_state(api: KubeApi, namespace: str, name: str) -> str:
    """Empty when the pod is Ready, else what is missing."""
    status = api.call("GET", f"/api/v1/namespaces/{namespace}/pods/{name}").get("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    ready = conditions.get("Ready", {})
    return "" if ready.get("status") == "True" else str(ready.get("message") or status.get("phase"))


def all_pods(api: KubeApi, timeout: float = 10) -> list[dict[str, Any]]:
    """All pods, as the API gives them."""
    pods: list[dict[str, Any]] = api.call("GET", "/api/v1/pods", timeout=timeout)["items"]
    return pods


def annotate_pod(api: KubeApi, name: str, token: str, timeout: float) -> bool:
    """Annotate a pod of ours with a token (JSON merge patch, RFC 7386); False where there is no such pod."""
    body = {"metadata": {"annotations": {CANARY: token}}}
    answer = api.call("PATCH", f"{PODS}/{name}", body, allow=404, timeout=timeout)
    return answer.get("kind") == "Pod"


def make_annotated_pod(api: KubeApi, name: str, run_id: str, token: str, timeout: float) -> str:
    """Make a pod of ours that no scheduler takes; returns why it can't be made yet, empty where it was made."""
    body = {
        "metadata": metadata(name, run_id) | {"annotations": {CANARY: token}},
        "spec": {"schedulerName": "livefire", "containers": [{"name": "main", "image": REFERENCE}]},
    }
    answer = api.call("POST", PODS, body, allow=403, timeout=timeout)
    return "" if answer.get("kind") == "Pod" else str(answer.get("message"))


@contextlib.contextmanager
def pod_watch(api: KubeApi) -> Iterator[urllib3.HTTPResponse]:
    """A watch on all pods: the lines of the answer are JSON objects `{"type", "object"}`, one for each change.

    Source: Kubernetes API concepts, "Efficient detection of changes". Leaving the context ends it. Without a time
    the server ends a watch after half an hour or more.
    """
    response: urllib3.HTTPResponse = api.request(
        "GET", f"/api/v1/pods?watch=1&timeoutSeconds={_LONGEST_WATCH}", None, timeout=None
    ).response
    try:
        yield response
    finally:
        response.close()
