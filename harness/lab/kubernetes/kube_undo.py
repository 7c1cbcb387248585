"""How what is made in a cluster that goes on running is undone."""

from __future__ import annotations

from pathlib import Path

from harness.host.kinds import Foreign, Whose, undoes
from harness.host.ledger import Ledger
from harness.lab.kubernetes.kube_api import KubeApi


def record_objects(ledger: Ledger, kubeconfig: Path, run_id: str, *, ours: bool) -> None:
    """Write down, once, that objects with the run's label are about to be made in a cluster.

    `ours` says that the cluster is a lab's of ours, and goes with that.
    """
    if not any(entry.kind == "kube_objects" for entry in ledger.open_entries()):
        ledger.add("kube_objects", kubeconfig=str(kubeconfig), run_id=run_id, ours=ours)


@undoes("kube_objects")
def kube_objects(whose: Whose, kubeconfig: str, run_id: str, ours: bool = False) -> None:
    """Remove what carries the run's label. A cluster whose kubeconfig has gone with its lab has gone, too.

    Where the server of a lab of ours does not answer any more, what was made in it is undone with the lab.
    """
    siblings = Whose(whose.id, whose.folder.parent)  # a run uses the kubeconfig of a lab
    if run_id != whose.id or not siblings.holds(kubeconfig):
        raise Foreign(f"it is no cluster of a lab beside {whose.id}, or another run's part of it")
    if not Path(kubeconfig).exists():
        return
    api = KubeApi(Path(kubeconfig))
    try:
        if not (ours and api.ready(timeout=1)):
            api.delete_labelled(run_id)
    finally:
        api.close()
