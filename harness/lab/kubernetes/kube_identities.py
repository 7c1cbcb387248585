"""Identities in a cluster: a ServiceAccount for each atomic, and our namespaces."""

from __future__ import annotations

from harness.host.waiting import NotYet, wait_until
from harness.lab.kubernetes.kube_api import NAMESPACE, RBAC, KubeApi, metadata


def ensure_namespace(api: KubeApi, run_id: str) -> None:
    """Make the namespace for our ServiceAccounts, unless it exists."""
    create_namespace(api, NAMESPACE, run_id)


def create_namespace(api: KubeApi, name: str, run_id: str) -> None:
    """Make a namespace with the label of the run, unless it exists."""
    api.call("POST", "/api/v1/namespaces", {"metadata": metadata(name, run_id)}, allow=409)  # it exists


def create_identity(api: KubeApi, name: str, run_id: str, seconds: int = 3600) -> tuple[str, str]:
    """Make a ServiceAccount with all rights, and a bound token for it; returns its user name and the token.

    Source: authentication.k8s.io/v1 TokenRequest; works on a bare API server.
    """
    accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    api.call("POST", accounts, {"metadata": metadata(name, run_id)})
    binding = {
        "metadata": metadata(f"livefire-{name}", run_id),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}],
    }
    api.call("POST", f"{RBAC}/clusterrolebindings", binding)
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    token = api.call("POST", f"{accounts}/{name}/token", body)["status"]["token"]
    user = f"system:serviceaccount:{NAMESPACE}:{name}"
    wait_until(f"the rights of {user}", lambda: _may_list_secrets(api, user), timeout=30, interval=0.01)
    return user, str(token)


def _may_list_secrets(api: KubeApi, user: str) -> None:
    """Check as ourselves: a request by this user would count as the atomic's. Raises NotYet."""
    body = {"spec": {"user": user, "resourceAttributes": {"verb": "list", "resource": "secrets"}}}
    review = api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    if not review["status"].get("allowed"):
        raise NotYet("not authorised")  # the authoriser's cache lags behind
