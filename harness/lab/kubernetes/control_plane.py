"""A bare control plane: etcd and kube-apiserver, with its own CA, RBAC and an audit policy. No node, so no pod runs."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import yaml

from harness.errors import LabUnavailable
from harness.host.daemons import check_runs, start_recorded
from harness.host.owned_folders import OwnedFolder
from harness.host.ports import free_ports
from harness.host.process import find_tool, run
from harness.host.waiting import NotYet, wait_until
from harness.lab.kubernetes.audit_policy import audit_policy
from harness.lab.kubernetes.binaries import find_etcd, find_kube_apiserver
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kube_identities import ensure_namespace
from harness.lab.kubernetes.kube_seed import seed
from harness.lab.kubernetes.kubeconfig import kubeconfig_document

ADMIN = "livefire-admin"


def has_control_plane() -> bool:
    """Whether both programs are installed."""
    try:
        return bool(find_kube_apiserver() and find_etcd())
    except LabUnavailable:
        return False


def start_control_plane(owned: OwnedFolder, reason: str) -> Cluster:
    """Start it on free loopback ports, and seed it with canaries.

    Raises LabUnavailable with the last lines of the log of the program that did not start.
    """
    folder = owned.path / "cluster"
    folder.mkdir(mode=0o700)
    apiserver = find_kube_apiserver()
    etcd_port, peer_port, port = free_ports(3)
    _start_etcd(owned, folder, etcd_port, peer_port)
    _make_certificates(folder)
    token = secrets.token_hex(16)
    tokens = folder / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f'{token},{ADMIN},{ADMIN},"system:masters"\n')
    (folder / "audit").mkdir(mode=0o700)
    audit_log, log = folder / "audit" / "audit.log", folder / "kube-apiserver.log"
    command: list[str | Path] = [apiserver, *_flags(folder, etcd_port, port), f"--audit-log-path={audit_log}"]
    process = start_recorded(owned, "kube-apiserver", command, log=log)
    kubeconfig = _write_kubeconfig(folder, port, token)
    api = KubeApi(kubeconfig)

    def ready() -> None:
        check_runs("kube-apiserver", process, log)
        if missing := api.ready():
            raise NotYet(missing)

    try:
        wait_until("kube-apiserver", ready, timeout=120, interval=0.1)
        seed(api, owned.id)
        ensure_namespace(api, owned.id)
        version = api.version()
    finally:
        api.close()
    return Cluster("control-plane", owned.id, kubeconfig, audit_log, version, reason, owned=True, admin=ADMIN)


def _write_kubeconfig(folder: Path, port: int, token: str) -> Path:
    path = folder / "admin.kubeconfig"
    path.touch(mode=0o600)
    # by path: the client library copies certificates in a kubeconfig to files in /tmp
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(folder / "ca.crt")}
    path.write_text(yaml.safe_dump(kubeconfig_document(cluster, {"token": token})))
    return path


def _flags(folder: Path, etcd_port: int, port: int) -> list[str]:
    policy = folder / "audit-policy.yaml"
    policy.write_bytes(audit_policy())
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--cert-dir={folder}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        f"--service-account-key-file={folder / 'sa.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        f"--audit-policy-file={policy}",
        "--audit-log-mode=blocking",
        "--audit-log-maxsize=1024",
    ]


def _start_etcd(owned: OwnedFolder, folder: Path, port: int, peer_port: int) -> None:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    command: list[str | Path] = [find_etcd(), f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync"]
    command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
    command += [
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]
    log = folder / "etcd.log"
    process = start_recorded(owned, "etcd", command, log=log)

    def listening() -> None:
        check_runs("etcd", process, log)
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            raise NotYet(str(error)) from None

    wait_until("etcd", listening, timeout=60, interval=0.02)


def _make_certificates(folder: Path) -> None:
    """Make a CA, a server certificate for 127.0.0.1, and the key that signs ServiceAccount tokens."""
    openssl = find_tool("openssl")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7"]
    ca, server = folder / "ca", folder / "server"
    run([openssl, "req", "-x509", *key, "-subj", "/CN=livefire-ca", "-keyout", f"{ca}.key", "-out", f"{ca}.crt"])
    request = ["-subj", "/CN=kube-apiserver", "-keyout", f"{server}.key", "-out", f"{server}.csr"]
    run([openssl, "req", *key[:5], *request])
    extensions = folder / "server.ext"
    extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n")
    sign = ["-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "7", "-extfile", str(extensions)]
    run([openssl, "x509", "-req", "-in", f"{server}.csr", *sign, "-out", f"{server}.crt"])
    run([openssl, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "sa.key"])
