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
    """The homes of one capture. `users` are the harness's users in the cluster; `owner` marks its shells."""

    def __init__(self, owned: OwnedFolder, cluster: Cluster | None, api: KubeApi | None) -> None:
        self.owner = f"{owned.id}/shell"
        self.users: list[str] = [cluster.admin] if cluster and cluster.admin else []
        self._owned = owned
        self._cluster = cluster
        self._api = api
        self._cgroup = f"livefire-{owned.id}"

    def register(self) -> None:
        """Write to the ledger what commands may leave behind, before the first of them runs."""
        ledger = self._owned.ledger
        ledger.add("cgroup", name=self._cgroup)
        ledger.add("mounts")  # Podman's, and what else an atomic mounts in its home
        ledger.add("podman", folder=str(self._owned.path))
        ledger.add("daemon", owner=self.owner)

    def surroundings(self, name: str, docker_socket: Path | None) -> Surroundings:
        """A home, and an identity in the cluster, for one atomic or for the harness."""
        home = self._owned.path / name
        make_way(home)  # an attack can guess the name of the next home
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
        """A user of the cluster and its token; no user and a useless token where the server has died.

        Then either the atomic does not need the server, or the server's sensor reports it.
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
