"""The API of a cluster: a client, whether the server is ready, and how many events its audit log lacks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from kubernetes import client, config

from harness.errors import LabUnavailable
from harness.recording import canary_names

LABEL = "livefire.run"
NAMESPACE = "livefire"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"  # Livefire's own
_UNWRITTEN = re.compile(rb"^apiserver_audit_error_total\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


class KubeApi:
    """The API of one cluster, with the rights of its kubeconfig.

    The client library reads the kubeconfig, authenticates and speaks TLS. Its generated models are not used: to load
    them takes longer than all our requests. Methods raise LabUnavailable.
    """

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self.kubeconfig = kubeconfig
        self._configuration = client.Configuration()
        self._configuration.retries = 1  # each retry would wait for a paused server again
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
        return str(self.call("GET", "/version")["gitVersion"])

    def ready(self, timeout: float = 10) -> str:
        """Empty when `/readyz` answers 200 within `timeout` seconds, else what is wrong."""
        try:
            status, body = self.send("GET", "/readyz", timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            return str(error).rpartition(": ")[2]
        failing = [line for line in body.decode(errors="replace").splitlines() if line.startswith("[-]")]
        return "" if status == 200 else f"HTTP {status} {'; '.join(failing)}".strip()

    def unwritten(self, timeout: float = 10) -> int | None:
        """How many events the server could not write to its audit log since its start; None where that is not known.

        Source: the metric apiserver_audit_error_total, one for each backend, which is not there before the first error.
        """
        try:
            status, body = self.send("GET", "/metrics", timeout=timeout)
        except urllib3.exceptions.HTTPError:
            return None
        return sum(int(float(count)) for count in _UNWRITTEN.findall(body)) if status == 200 else None

    def canary(self, token: str, timeout: float = 10) -> None:
        """Send a request that can be recognised in the audit log: for a configmap that does not exist."""
        self.call("GET", f"{canary_names.CONFIGMAPS}{token}", allow=404, timeout=timeout)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, allow: int = 0, timeout: float = 10
    ) -> dict[str, Any]:
        """The object in the answer to a request. `allow` is a status that is no error. Raises LabUnavailable."""
        try:
            status, data = self.send(method, path, body, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise LabUnavailable(f"the API server does not answer: {str(error).rpartition(': ')[2]}") from None
        answer = _object(data)
        if status >= 400 and status != allow:
            raise LabUnavailable(f"{method} {path.partition('?')[0]}: HTTP {status}: {answer.get('message', '')}")
        return answer

    def send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, timeout: float = 10
    ) -> tuple[int, bytes]:
        """The status and the body of the answer to a request. Raises urllib3's HTTPError."""
        response = self.request(method, path, body, timeout=timeout)
        return int(response.status), bytes(response.read() or b"")

    def request(self, method: str, path: str, body: dict[str, Any] | None, *, timeout: float | None) -> Any:
        """The answer of the client library, whose body is not read yet. `timeout` in seconds; None for none."""
        sent = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Accept": "application/json", "Content-Type": sent}
        for name in ("authorization", "BearerToken"):
            if key := self._configuration.get_api_key_with_prefix(name):
                headers["Authorization"] = key
        url = f"{self._configuration.host}{path}"
        return self._api.call_api(method, url, headers, body, _request_timeout=timeout)


def metadata(name: str, run_id: str) -> dict[str, Any]:
    """The metadata of an object of ours, with the label of the run."""
    return {"name": name, "labels": {LABEL: run_id}}


def _object(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
