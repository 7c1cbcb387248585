"""A cluster that the user names: `context:NAME` of their kubeconfig, with its audit log on this host."""

from __future__ import annotations

import os
from pathlib import Path

import yaml
from kubernetes.config import ConfigException

from harness.errors import LabUnavailable, Refused
from harness.host.owned_folders import OwnedFolder
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kube_identities import ensure_namespace
from harness.lab.kubernetes.kube_undo import record_objects
from harness.lab.named import why


def use_existing(owned: OwnedFolder, context: str, audit_log: Path | None) -> Cluster:
    """Use the cluster of a kubeconfig context. Livefire makes only a namespace `livefire` there, and its identities.

    Raises Refused for an unknown context or a missing audit log, LabUnavailable if the cluster does not answer.
    """
    source = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube/config")
    if audit_log is None:
        hint = "Name the API server's audit log with --kube-audit-log FILE: no sensor sees API calls without it."
        raise Refused(f"the audit log of context '{context}' is not known", hint=hint)
    if not audit_log.is_file():
        raise Refused(f"the audit log {audit_log} does not exist")
    try:
        document = yaml.safe_load(source.read_text())
        names = [entry["name"] for entry in document["contexts"]]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        raise LabUnavailable(f"{source} is not a readable kubeconfig", hint="Set KUBECONFIG.") from None
    if context not in names:
        raise Refused(f"there is no context '{context}' in {source}", hint=f"Known: {', '.join(names)}.")
    kubeconfig = owned.path / "existing.kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(yaml.safe_dump(document | {"current-context": context}))
    try:
        api = KubeApi(kubeconfig)
        version = api.version()
        record_objects(owned.ledger, kubeconfig, owned.id, ours=False)
        ensure_namespace(api, owned.id)
        api.close()
    except (LabUnavailable, ConfigException) as error:
        raise LabUnavailable(f"the cluster of context '{context}' cannot be used: {error}") from None
    reason = why("--cluster", f"context:{context}")
    return Cluster("context", context, kubeconfig, audit_log, version, reason, owned=False, admin="", runs_pods=True)
