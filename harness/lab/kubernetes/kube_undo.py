"""How our objects in a cluster that goes on running are undone."""

from __future__ import annotations

from pathlib import Path

from harness.host.kinds import Foreign, Whose, undoes
from harness.host.ledger import Ledger
from harness.lab.kubernetes.kube_api import LABEL, NAMESPACE, PODS, RBAC, KubeApi


def record_objects(ledger: Ledger, kubeconfig: Path, run_id: str, *, ours: bool) -> None:
    """Write down, once, that objects with the run's label are about to be made in a cluster.

    `ours` says that the cluster belongs to a lab, and is removed with it.
    """
    if not any(entry.kind == "kube_objects" for entry in ledger.open_entries()):
        ledger.add("kube_objects", kubeconfig=str(kubeconfig), run_id=run_id, ours=ours)


@undoes("kube_objects")
def kube_objects(whose: Whose, kubeconfig: str, run_id: str, ours: bool = False) -> None:
    """Remove the objects with the run's label. Where the kubeconfig is gone, its lab and the cluster are gone, too.

    Where the server of a lab does not answer, its objects are removed with the lab.
    """
    siblings = Whose(whose.id, whose.folder.parent)  # a run uses the kubeconfig of a lab
    if run_id != whose.id or not siblings.holds(kubeconfig):
        raise Foreign(f"it is no cluster of a lab beside {whose.id}, or it belongs to another run")
    if not Path(kubeconfig).exists():
        return
    api = KubeApi(Path(kubeconfig))
    try:
        if not (ours and api.ready(timeout=1)):
            _delete_labelled(api, run_id)
    finally:
        api.close()


def _delete_labelled(api: KubeApi, run_id: str) -> None:
    """Remove the objects with the label of this run."""
    selector = f"?labelSelector={LABEL}%3D{run_id}"
    api.call("DELETE", f"{RBAC}/clusterrolebindings{selector}")
    api.call("DELETE", f"{PODS}{selector}", allow=404)
    api.call("DELETE", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts{selector}", allow=404)
    for item in api.call("GET", f"/api/v1/namespaces{selector}")["items"]:
        api.call("DELETE", f"/api/v1/namespaces/{item['metadata']['name']}", allow=404)
