"""A kind cluster of our own: one node, a container of the lab's Docker host, with its API audit on this host."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import docker.errors
import docker.types
import yaml

from harness.errors import LabUnavailable
from harness.host.owned_folders import OwnedFolder, cache_root
from harness.host.process import OWNER, run
from harness.host.waiting import NotYet, wait_until
from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.docker_host import DockerHost, free_subnet
from harness.lab.docker.docker_undo import bridge_names
from harness.lab.docker.image import REFERENCE
from harness.lab.kubernetes.audit_policy import audit_policy
from harness.lab.kubernetes.binaries import find_kind
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.kind_config import API_SERVER_ARGUMENTS, cluster_config, credentials_by_path
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kube_identities import ensure_namespace
from harness.lab.kubernetes.kube_pods import node_state, pod_state
from harness.lab.kubernetes.kube_seed import TARGET, seed
from harness.recording import canary_names

# The user that kubeadm makes; its group is system:masters.
ADMIN = "kubernetes-admin"
_CREATE_TIMEOUT = 300.0
_READY_TIMEOUT = 120.0
_MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
Say = Callable[[str], None]


def start_kind(owned: OwnedFolder, reason: str, host: DockerHost, node_image: str, say: Say) -> Cluster:
    """Create a cluster on `host`, check that its audit log works, seed it, load the lab's image into its node.

    The daemon has `node_image` already, so nothing is pulled.

    Raises LabUnavailable with the last lines of kind's output, and the folder with the node's logs.
    """
    folder = owned.path / "kind"
    folder.mkdir(mode=0o700)
    kind = _Kind(owned, host, folder, say)
    say("creating the node")
    kubeconfig = kind.create(node_image)
    audit_log = folder / "audit/audit.log"
    api = KubeApi(kubeconfig)
    try:
        kind.wait_ready(api)
        kind.check_audit(api, audit_log)
        say("loading the lab's image into the node")
        kind.run("load", "docker-image", REFERENCE, "--name", owned.id)
        seed(api, owned.id)
        ensure_namespace(api, owned.id)
        say("waiting for the pod 'target'")
        wait_until("the pod 'target'", lambda: _pod_ready(api, *TARGET), timeout=60, interval=0.2)
        version = api.version()
    except LabUnavailable as error:
        kind.fail(error)
    finally:
        api.close()
    return Cluster(
        "kind",
        owned.id,
        kubeconfig,
        audit_log,
        version,
        reason,
        owned=True,
        admin=ADMIN,
        runs_pods=True,
        node_image=node_image,
    )


def _pod_ready(api: KubeApi, namespace: str, name: str) -> None:
    if missing := pod_state(api, namespace, name):
        raise NotYet(missing)


class _Kind:
    """The kind command for one cluster. It uses nothing of the user's kubeconfig, Docker context or networks."""

    def __init__(self, owned: OwnedFolder, host: DockerHost, folder: Path, say: Say) -> None:
        self._owned = owned
        self._host = host
        self._folder = folder
        self._say = say
        self._network = f"livefire-{owned.id}"
        self._owner = f"{owned.id}/kind"
        self._binary = find_kind()
        self._environment = {
            "DOCKER_HOST": f"unix://{host.socket}",
            "KIND_EXPERIMENTAL_PROVIDER": "docker",
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": self._network,
            "KUBECONFIG": str(folder / "kubeconfig"),
            "HOME": str(folder),
            OWNER: self._owner,
        }

    def run(self, *arguments: str, timeout: float = 60, stdin: bytes = b"") -> None:
        """Run kind. Raises LabUnavailable with the last lines of its output."""
        done = run([self._binary, *arguments], timeout=timeout, check=False, stdin=stdin, environment=self._environment)
        if done.code != 0:
            lines = (done.errors or done.output).strip().splitlines()[-5:]
            raise LabUnavailable(f"'kind {arguments[0]} {arguments[1]}' failed", more=lines)

    def create(self, image: str) -> Path:
        """Create the cluster; returns a kubeconfig, mode 0600, with the rights of its administrator."""
        self._make_network()
        for name in ("audit", "policy"):
            (self._folder / name).mkdir(mode=0o700)
        (self._folder / "policy/audit-policy.yaml").write_bytes(audit_policy())
        config = yaml.safe_dump(cluster_config(self._owned.id, image, self._folder)).encode()
        raw = self._folder / "kubeconfig"
        self._owned.ledger.add("daemon", owner=self._owner)
        if not self._host.owned:
            self._owned.ledger.add("kind_cluster", socket=str(self._host.socket), name=self._owned.id)
        arguments = ("create", "cluster", "--config", "-", "--kubeconfig", str(raw), "--retain", "--wait", "0s")
        try:
            self.run(*arguments, timeout=_CREATE_TIMEOUT, stdin=config)
        except LabUnavailable as error:
            self.fail(error)
        return credentials_by_path(raw)

    def fail(self, error: LabUnavailable) -> NoReturn:
        """Export the node's logs, then raise the error with their place. The ledger's undoing deletes the node."""
        logs = cache_root() / "kind-logs" / self._owned.id
        self._say("exporting the logs of the node")
        with contextlib.suppress(LabUnavailable):  # it fails for a node that has ended, and still exports its logs
            self.run("export", "logs", str(logs), "--name", self._owned.id, timeout=60)
        if logs.is_dir() and any(path.is_file() for path in logs.rglob("*")):
            raise LabUnavailable(error.message, hint=f"The logs of the node are in {logs}.", more=error.more) from None
        raise error

    def wait_ready(self, api: KubeApi) -> None:
        """Wait for the node by the API: kind's own --wait only warns when its time is over."""

        def ready() -> None:
            if not self._node_runs():
                raise LabUnavailable("the node's container has ended")
            try:
                missing = api.ready() or node_state(api)
            except LabUnavailable as error:
                missing = error.message
            if missing:
                raise NotYet(missing)

        self._say("waiting for the node")
        wait_until("the kind cluster", ready, timeout=_READY_TIMEOUT, interval=0.2)

    def check_audit(self, api: KubeApi, audit_log: Path) -> None:
        """Check that kubeadm took our patch (it drops others silently), and that a request is logged."""
        with docker_client(self._host.socket) as client:
            node = client.containers.get(f"{self._owned.id}-control-plane")
            manifest = bytes(node.exec_run(["cat", _MANIFEST]).output).decode(errors="replace")  # type: ignore[arg-type]
        missing = [
            f"--{name}={value}" for name, value in API_SERVER_ARGUMENTS.items() if f"--{name}={value}" not in manifest
        ]
        if missing:
            raise LabUnavailable(f"the API server of the node image lacks {' '.join(missing)}: kubeadm took no patch")
        token = f"{canary_names.TOKEN_PREFIX}{self._owned.id}"
        api.canary(token)

        def logged() -> None:
            if not audit_log.is_file() or token.encode() not in audit_log.read_bytes():
                raise NotYet(f"no line with {token} in {audit_log}")

        wait_until("the audit log of the kind cluster", logged, timeout=20)

    def _node_runs(self) -> bool:
        try:
            with docker_client(self._host.socket) as client:
                return bool(client.containers.get(f"{self._owned.id}-control-plane").status == "running")
        except (docker.errors.DockerException, OSError):
            return False

    def _make_network(self) -> None:
        """A network of our own: kind's default one is shared by all clusters, and switches IPv6 forwarding on."""
        bridge = bridge_names(self._owned.id)[1]
        subnet = str(free_subnet())
        if self._host.owned:
            self._owned.ledger.add("bridge", name=bridge)
        else:
            self._owned.ledger.add("docker_network", socket=str(self._host.socket), name=self._network)
        with docker_client(self._host.socket) as client:
            client.networks.create(
                self._network,
                driver="bridge",
                options={"com.docker.network.bridge.name": bridge},
                ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)]),
            )
