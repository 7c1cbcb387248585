"""What each atomic finds: a home of its own, a socket of the Docker daemon, and an identity in the cluster."""

from __future__ import annotations

from pathlib import Path

from harness.capture.shell import Surroundings
from harness.errors import LivefireError
from harness.host.owned_folders import OwnedFolder
from harness.host.undo import make_way
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kube_identities import create_identity
from harness.lab.kubernetes.kube_undo import record_objects
from harness.lab.kubernetes.kubeconfig import write_kubeconfig
from harness.lab.podman import podman_environment
from harness.model.manifest import HARNESS


class Homes:
    """Those of one capture. `users` are who the harness is in the cluster; `owner` is what its shells carry."""

    def __init__(self, owned: OwnedFolder, cluster: Cluster | None, api: KubeApi | None) -> None:
        self.owner = f"{owned.id}/shell"
        self.users: list[str] = [cluster.admin] if cluster and cluster.admin else []
        self._owned = owned
        self._cluster = cluster
        self._api = api
        self._cgroup = f"livefire-{owned.id}"

    def register(self) -> None:
        """Write down what commands leave behind, before the first of them runs."""
        ledger = self._owned.ledger
        ledger.add("cgroup", name=self._cgroup)
        ledger.add("mounts")  # of Podman, and whatever else an atomic mounts at home
        ledger.add("podman", folder=str(self._owned.path))
        ledger.add("daemon", owner=self.owner)

    def surroundings(self, name: str, docker_socket: Path | None) -> Surroundings:
        """A home, and an identity in the cluster, for one atomic or for the harness."""
        home = self._owned.path / name
        make_way(home)  # an attack knows how the next one's is called
        home.mkdir(mode=0o700)
        kubeconfig = user = None
        if self._api and self._cluster:
            user, token = self._identity(name, self._api, self._cluster)
            kubeconfig = home / "kubeconfig"
            write_kubeconfig(kubeconfig, self._api.kubeconfig, token)
            if name == HARNESS and user:
                self.users.append(user)
        podman = podman_environment(home, self._cgroup)
        return Surroundings(self.owner, home, docker_socket, kubeconfig, user, podman, self._cgroup)

    def _identity(self, name: str, api: KubeApi, cluster: Cluster) -> tuple[str | None, str]:
        """A user of the cluster and its token. Where the server has died, nobody, and a token that opens nothing:
        the atomic does not need it, or its sensor tells that it could not be had.
        """
        if name != HARNESS and api.ready(timeout=1):
            return None, "none"
        record_objects(self._owned.ledger, cluster.kubeconfig, self._owned.id, ours=cluster.owned)
        try:
            return create_identity(api, f"{self._owned.id}-{name}", self._owned.id)
        except LivefireError:
            if name == HARNESS:
                raise
            return None, "none"
