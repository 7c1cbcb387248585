"""The pod for canaries, which never runs: its annotation is changed, and the watch on pods must report that."""

from __future__ import annotations

from harness.host.owned_folders import OwnedFolder
from harness.host.waiting import NotYet, wait_until
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kube_pods import annotate_pod, make_annotated_pod
from harness.lab.kubernetes.kube_undo import record_objects

_PATIENCE = 10.0  # seconds for a controller to make what the admission of pods needs


class PodCanary:
    """The pod for canaries, only in a cluster of our own: in another's, Livefire makes no pod of its own."""

    def __init__(self, api: KubeApi, owned: OwnedFolder, cluster: Cluster) -> None:
        self._api = api
        self._owned = owned
        self._cluster = cluster
        self._name = f"{owned.id}-canary"

    def emit(self, token: str, timeout: float) -> None:
        """Change the annotation to the token. The pod is made where there is none, or an attack has removed it.

        Raises LabUnavailable.
        """
        if annotate_pod(self._api, self._name, token, timeout=timeout):
            return
        record_objects(self._owned.ledger, self._cluster.kubeconfig, self._owned.id, ours=self._cluster.owned)

        def made() -> None:
            if refused := make_annotated_pod(self._api, self._name, self._owned.id, token, timeout=timeout):
                raise NotYet(refused)

        wait_until("the pod for canaries", made, timeout=_PATIENCE, interval=0.1)


def pod_canary(api: KubeApi, owned: OwnedFolder, cluster: Cluster) -> PodCanary | None:
    """The pod of a capture; None where no pods run, or where the cluster is not ours."""
    return PodCanary(api, owned, cluster) if cluster.owned and cluster.runs_pods else None
