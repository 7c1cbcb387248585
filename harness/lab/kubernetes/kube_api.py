"""What Livefire does in a cluster: identities for atomics, canary secrets, canary requests."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
import yaml
from kubernetes import client, config

from harness.errors import LabUnavailable
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.image import REFERENCE
from harness.recording import canary_names

LABEL = "livefire.run"
NAMESPACE = "livefire"
CANARY = "livefire.run/canary"  # an annotation
# What the value of each canary secret begins with; it stands nowhere else, so any recording can be searched for it.
CANARY_SECRET = "livefire-secret-"
_UNWRITTEN = re.compile(rb"^apiserver_audit_error_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_SEED: dict[str, dict[str, list[str]]] = {
    "payments": {"secret": ["stripe-api-key", "ledger-db"], "configmap": ["gateway"]},
    "web": {"secret": ["session-key"], "configmap": ["frontend", "feature-flags"]},
    "platform": {"secret": ["registry-pull", "ci-token"], "configmap": ["build"]},
    "ci": {"secret": [], "configmap": []},
}
# A pod to act on. It listens, so that a port of it can be forwarded; without a node it stays pending.
TARGET = "web", "target"
_LONGEST_WATCH = 24 * 3600  # seconds
_LISTEN = "echo listening; while true; do echo target | nc -l -p 8080; done"


class KubeApi:
    """The API of one cluster, with the rights of its kubeconfig.

    The client library reads the kubeconfig, authenticates and speaks TLS. Its generated models are passed by: loading
    them takes longer than all our requests, and plain objects say as much. Methods raise LabUnavailable.
    """

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self.kubeconfig = kubeconfig
        self._configuration = client.Configuration()
        self._configuration.retries = 1  # a server that is paused would be waited for again and again
        config.load_kube_config(str(kubeconfig), context=context, client_configuration=self._configuration)
        self._api = client.ApiClient(self._configuration)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    @property
    def port(self) -> int:
        """The port on which the server listens."""
        return urlsplit(str(self._configuration.host)).port or 443

    def version(self) -> str:
        """The version of the API server, such as `v1.20.2`."""
        return str(self._call("GET", "/version")["gitVersion"])

    def ready(self, timeout: float = 10) -> str:
        """Empty when `/readyz` answers 200 within so many seconds, else what it said."""
        try:
            status, body = self._send("GET", "/readyz", timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            return str(error).rpartition(": ")[2]
        failing = [line for line in body.decode(errors="replace").splitlines() if line.startswith("[-]")]
        return "" if status == 200 else f"HTTP {status} {'; '.join(failing)}".strip()

    def unwritten(self, timeout: float = 10) -> int | None:
        """How many events the server could not write to its audit log since it began; None where it does not tell.

        Source: the metric apiserver_audit_error_total, one for each backend, which is not there before the first error.
        """
        try:
            status, body = self._send("GET", "/metrics", timeout=timeout)
        except urllib3.exceptions.HTTPError:
            return None
        return sum(int(float(each)) for each in _UNWRITTEN.findall(body)) if status == 200 else None

    def seed(self, run_id: str) -> None:
        """Canary secrets and configmaps in several namespaces, and the pod TARGET.

        The secrets' values are random and of no use.
        """
        for namespace, kinds in _SEED.items():
            self._create_namespace(namespace, run_id)
            for name in kinds["secret"]:
                value = base64.b64encode(f"{CANARY_SECRET}{secrets.token_hex(12)}".encode()).decode()
                body = {"metadata": _metadata(name, run_id), "type": "Opaque", "data": {"value": value}}
                self._call("POST", f"/api/v1/namespaces/{namespace}/secrets", body)
            for name in kinds["configmap"]:
                body = {"metadata": _metadata(name, run_id), "data": {"mode": "canary"}}
                self._call("POST", f"/api/v1/namespaces/{namespace}/configmaps", body)
        wait_until("the pod 'target'", lambda: self._create_target(run_id), timeout=30)

    def _create_target(self, run_id: str) -> None:
        """With a node, the admission of pods needs a ServiceAccount that a controller makes."""
        namespace, name = TARGET
        answer = self._call("POST", f"/api/v1/namespaces/{namespace}/pods", _target(name, run_id), allow=403)
        if answer.get("kind") != "Pod":
            raise NotYet(str(answer.get("message")))

    def ensure_namespace(self, run_id: str) -> None:
        """The namespace for our ServiceAccounts."""
        self._create_namespace(NAMESPACE, run_id)

    def _create_namespace(self, name: str, run_id: str) -> None:
        self._call("POST", "/api/v1/namespaces", {"metadata": _metadata(name, run_id)}, allow=409)  # it may exist

    def create_identity(self, name: str, run_id: str, seconds: int = 3600) -> tuple[str, str]:
        """A ServiceAccount with all rights and a bound token for it; returns its user name and the token.

        Source: authentication.k8s.io/v1 TokenRequest; works on a bare API server.
        """
        accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
        self._call("POST", accounts, {"metadata": _metadata(name, run_id)})
        binding = {
            "metadata": _metadata(f"livefire-{name}", run_id),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
        }
        self._call("POST", f"{_RBAC}/clusterrolebindings", binding)
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        token = self._call("POST", f"{accounts}/{name}/token", body)["status"]["token"]
        user = f"system:serviceaccount:{NAMESPACE}:{name}"
        wait_until(f"the rights of {user}", lambda: self._may_list_secrets(user), timeout=30, interval=0.01)
        return user, str(token)

    def _may_list_secrets(self, user: str) -> None:
        """Ask in our own name: a request in the user's name would be counted as the atomic's."""
        body = {"spec": {"user": user, "resourceAttributes": {"verb": "list", "resource": "secrets"}}}
        review = self._call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        if not review["status"].get("allowed"):
            raise NotYet("not authorised")  # the authoriser's cache lags behind

    def write_kubeconfig(self, path: Path, token: str) -> None:
        """A kubeconfig, mode 0600, for this cluster with another token."""
        original = yaml.safe_load(self.kubeconfig.read_text())
        current = next(c for c in original["contexts"] if c["name"] == original["current-context"])["context"]
        cluster = next(c for c in original["clusters"] if c["name"] == current["cluster"])["cluster"]
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(kubeconfig_document(cluster, {"token": token})))

    def canary(self, token: str, timeout: float = 10) -> None:
        """A request that can be found again in the audit log: a configmap that does not exist."""
        self._call("GET", f"{canary_names.CONFIGMAPS}{token}", allow=404, timeout=timeout)

    def node_state(self) -> str:
        """Empty when every node is Ready and pods can be made, else what is missing."""
        nodes = self._call("GET", "/api/v1/nodes")["items"]
        for node in nodes:
            conditions = {c["type"]: c for c in node.get("status", {}).get("conditions", [])}
            ready = conditions.get("Ready", {})
            if ready.get("status") != "True":
                return f"node {node['metadata']['name']}: {ready.get('message') or 'not Ready'}"
        if not nodes:
            return "no node has registered"
        # the admission of pods needs it, and a controller makes it
        account = self._call("GET", "/api/v1/namespaces/default/serviceaccounts/default", allow=404)
        return "" if account.get("kind") == "ServiceAccount" else "the default ServiceAccount is not there"

    def pod_state(self, namespace: str, name: str) -> str:
        """Empty when the pod is Ready, else what is missing."""
        status = self._call("GET", f"/api/v1/namespaces/{namespace}/pods/{name}").get("status", {})
        conditions = {each["type"]: each for each in status.get("conditions", [])}
        ready = conditions.get("Ready", {})
        return "" if ready.get("status") == "True" else str(ready.get("message") or status.get("phase"))

    def pods(self, timeout: float = 10) -> list[dict[str, Any]]:
        """All pods, as the API gives them."""
        found: list[dict[str, Any]] = self._call("GET", "/api/v1/pods", timeout=timeout)["items"]
        return found

    def annotate_pod(self, name: str, token: str, timeout: float) -> bool:
        """Annotate a pod of ours with a token (JSON merge patch, RFC 7386); False where there is no such pod."""
        body = {"metadata": {"annotations": {CANARY: token}}}
        answer = self._call("PATCH", f"{_PODS}/{name}", body, allow=404, timeout=timeout)
        return answer.get("kind") == "Pod"

    def make_annotated_pod(self, name: str, run_id: str, token: str, timeout: float) -> str:
        """A pod of ours that no scheduler takes; returns why it can't be made yet, empty where it was."""
        body = {
            "metadata": _metadata(name, run_id) | {"annotations": {CANARY: token}},
            "spec": {"schedulerName": "livefire", "containers": [{"name": "main", "image": REFERENCE}]},
        }
        answer = self._call("POST", _PODS, body, allow=403, timeout=timeout)
        return "" if answer.get("kind") == "Pod" else str(answer.get("message"))

    @contextlib.contextmanager
    def pod_watch(self) -> Iterator[urllib3.HTTPResponse]:
        """A watch on all pods: the answer's lines are JSON objects `{"type", "object"}`, as they come.

        Source: Kubernetes API concepts, "Efficient detection of changes". Leaving the context ends it. Without a time
        the server ends a watch after half an hour or more.
        """
        response: urllib3.HTTPResponse = self._request(
            "GET", f"/api/v1/pods?watch=1&timeoutSeconds={_LONGEST_WATCH}", None, timeout=None
        ).response
        try:
            yield response
        finally:
            response.close()

    def delete_labelled(self, run_id: str) -> None:
        """Remove what carries our label for this run."""
        selector = f"?labelSelector={LABEL}%3D{run_id}"
        self._call("DELETE", f"{_RBAC}/clusterrolebindings{selector}")
        self._call("DELETE", f"{_PODS}{selector}", allow=404)
        self._call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts{selector}", allow=404)
        for item in self._call("GET", f"/api/v1/namespaces{selector}")["items"]:
            self._call("DELETE", f"/api/v1/namespaces/{item['metadata']['name']}", allow=404)

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, allow: int = 0, timeout: float = 10
    ) -> dict[str, Any]:
        """The object that a request answers. `allow` is a status that is no error. Raises LabUnavailable."""
        try:
            status, data = self._send(method, path, body, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise LabUnavailable(f"the API server does not answer: {str(error).rpartition(': ')[2]}") from None
        answer = _object(data)
        if status >= 400 and status != allow:
            raise LabUnavailable(f"{method} {path.partition('?')[0]}: HTTP {status}: {answer.get('message', '')}")
        return answer

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, timeout: float = 10
    ) -> tuple[int, bytes]:
        response = self._request(method, path, body, timeout=timeout)
        return int(response.status), bytes(response.read() or b"")

    def _request(self, method: str, path: str, body: dict[str, Any] | None, *, timeout: float | None) -> Any:
        sent = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": sent}
        for name in ("authorization", "BearerToken"):
            if key := self._configuration.get_api_key_with_prefix(name):
                headers["Authorization"] = key
        url = f"{self._configuration.host}{path}"
        return self._api.call_api(method, url, headers, body, _request_timeout=timeout)


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


def audit_policy() -> bytes:
    """The audit policy of the clusters that we start."""
    return files("harness.lab.kubernetes").joinpath("audit_policy.yaml").read_bytes()


def _target(name: str, run_id: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": REFERENCE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _LISTEN],
        "ports": [{"containerPort": 8080}],
    }
    metadata = _metadata(name, run_id)
    metadata["labels"]["app"] = name
    return {"metadata": metadata, "spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}


def _metadata(name: str, run_id: str) -> dict[str, Any]:
    return {"name": name, "labels": {LABEL: run_id}}


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
