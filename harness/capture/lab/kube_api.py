"""What Livefire does in a cluster: identities for atomics, canary secrets, canary requests."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from harness.capture.wait import NotYet, wait_until
from harness.errors import LabUnavailable

LABEL = "livefire.run"
NAMESPACE = "livefire"
_SEED = {
    "payments": {"secret": ["stripe-api-key", "ledger-db"], "configmap": ["gateway"]},
    "web": {"secret": ["session-key"], "configmap": ["frontend", "feature-flags"]},
    "platform": {"secret": ["registry-pull", "ci-token"], "configmap": ["build"]},
}


class KubeApi:
    """The API of one cluster, with the rights of its kubeconfig. Errors are raised as LabUnavailable."""

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self.kubeconfig = kubeconfig
        loaded = client.Configuration()
        config.load_kube_config(str(kubeconfig), context=context, client_configuration=loaded)
        self._configuration = loaded
        self._api = client.ApiClient(loaded)
        self._core = client.CoreV1Api(self._api)
        self._rbac = client.RbacAuthorizationV1Api(self._api)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def version(self) -> str:
        """The version of the API server, such as `v1.20.2`."""
        return str(client.VersionApi(self._api).get_code().git_version)

    def ready(self) -> str:
        """Empty when `/readyz` answers 200, else what it said."""
        try:
            self._api.call_api(
                "GET", f"{self._configuration.host}/readyz", header_params=self._auth(), _request_timeout=5
            ).read()
        except ApiException as error:
            return f"HTTP {error.status}" if error.status != 200 else ""
        except urllib3.exceptions.HTTPError as error:
            return str(error).rpartition(": ")[2]
        return ""

    def _auth(self) -> dict[str, str]:
        key = self._configuration.get_api_key_with_prefix(
            "authorization"
        ) or self._configuration.get_api_key_with_prefix("BearerToken")
        return {"Authorization": key} if key else {}

    def seed(self, run_id: str) -> None:
        """Canary secrets and configmaps in several namespaces. Their values are random and of no use."""
        for namespace, kinds in _SEED.items():
            self._create_namespace(namespace, run_id)
            for name in kinds["secret"]:
                value = base64.b64encode(f"livefire-canary-{secrets.token_hex(12)}".encode()).decode()
                body = {"metadata": _metadata(name, run_id), "type": "Opaque", "data": {"value": value}}
                self._core.create_namespaced_secret(namespace, body)
            for name in kinds["configmap"]:
                body = {"metadata": _metadata(name, run_id), "data": {"mode": "canary"}}
                self._core.create_namespaced_config_map(namespace, body)

    def ensure_namespace(self, run_id: str) -> None:
        """The namespace for our ServiceAccounts."""
        self._create_namespace(NAMESPACE, run_id)

    def _create_namespace(self, name: str, run_id: str) -> None:
        try:
            self._core.create_namespace({"metadata": _metadata(name, run_id)})
        except ApiException as error:
            if error.status != 409:  # it exists
                raise

    def create_identity(self, name: str, run_id: str, seconds: int = 3600) -> tuple[str, str]:
        """A ServiceAccount with all rights and a bound token for it; returns its user name and the token.

        Source: authentication.k8s.io/v1 TokenRequest; works on a bare API server.
        """
        try:
            self._core.create_namespaced_service_account(NAMESPACE, {"metadata": _metadata(name, run_id)})
            self._rbac.create_cluster_role_binding(
                {
                    "metadata": _metadata(f"livefire-{name}", run_id),
                    "roleRef": {
                        "apiGroup": "rbac.authorization.k8s.io",
                        "kind": "ClusterRole",
                        "name": "cluster-admin",
                    },
                    "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
                }
            )
            body = {"spec": {"audiences": [], "expirationSeconds": seconds}}
            token = self._core.create_namespaced_service_account_token(name, NAMESPACE, body).status.token
        except ApiException as error:
            raise LabUnavailable(f"no ServiceAccount for {name}: {_reason(error)}") from None
        user = f"system:serviceaccount:{NAMESPACE}:{name}"
        wait_until(f"the rights of {user}", lambda: self._may_list_secrets(user), timeout=30, interval=0.02)
        return user, str(token)

    def _may_list_secrets(self, user: str) -> None:
        """Ask in our own name: a request in the user's name would be counted as the atomic's."""
        attributes = {"verb": "list", "resource": "secrets"}
        body = {"spec": {"user": user, "resourceAttributes": attributes}}
        if not client.AuthorizationV1Api(self._api).create_subject_access_review(body).status.allowed:
            raise NotYet("not authorised")  # the authoriser's cache lags behind

    def write_kubeconfig(self, path: Path, token: str) -> None:
        """A kubeconfig, mode 0600, for this cluster with another token."""
        original = yaml.safe_load(self.kubeconfig.read_text())
        current = next(c for c in original["contexts"] if c["name"] == original["current-context"])["context"]
        cluster = next(c for c in original["clusters"] if c["name"] == current["cluster"])["cluster"]
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(kubeconfig_document(cluster, token)))

    def canary(self, token: str) -> None:
        """A request that can be found again in the audit log: a configmap that does not exist."""
        try:
            self._core.read_namespaced_config_map(token, "default", _request_timeout=5)
        except ApiException as error:
            if error.status != 404:
                raise

    def delete_labelled(self, run_id: str) -> None:
        """Remove what carries our label for this run."""
        selector = f"{LABEL}={run_id}"
        try:
            self._rbac.delete_collection_cluster_role_binding(label_selector=selector)
            for item in self._core.list_service_account_for_all_namespaces(label_selector=selector).items:
                self._core.delete_namespaced_service_account(item.metadata.name, item.metadata.namespace)
            for item in self._core.list_namespace(label_selector=selector).items:
                self._core.delete_namespace(item.metadata.name)
        except (ApiException, urllib3.exceptions.HTTPError) as error:
            raise LabUnavailable(f"objects of {run_id} remain in the cluster: {error}") from None


def kubeconfig_document(cluster: dict[str, Any], token: str) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context, all called `livefire`."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "livefire",
        "clusters": [{"name": "livefire", "cluster": cluster}],
        "users": [{"name": "livefire", "user": {"token": token}}],
        "contexts": [{"name": "livefire", "context": {"cluster": "livefire", "user": "livefire"}}],
    }


def _metadata(name: str, run_id: str) -> dict[str, Any]:
    return {"name": name, "labels": {LABEL: run_id}}


def _reason(error: ApiException) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return f"HTTP {error.status}"
