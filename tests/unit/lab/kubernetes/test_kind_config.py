"""kind's configuration, and the kubeconfig that it writes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.lab.kubernetes.audit_policy import audit_policy
from harness.lab.kubernetes.kind_config import cluster_config, credentials_by_path


def patches(tmp_path: Path) -> dict[str, dict[str, Any]]:
    node = cluster_config("lab-000000", "image:tag", tmp_path)["nodes"][0]
    found = [yaml.safe_load(text) for text in node["kubeadmConfigPatches"]]
    return {patch["apiVersion"].rpartition("/")[2]: patch for patch in found}


@pytest.mark.parametrize("version", ["v1beta2", "v1beta3"])
def test_until_v1beta3_arguments_are_a_map(tmp_path: Path, version: str) -> None:
    arguments = patches(tmp_path)[version]["apiServer"]["extraArgs"]
    assert arguments["audit-log-path"] == "/var/log/kubernetes/audit.log"
    assert arguments["audit-policy-file"] == "/etc/kubernetes/policies/audit-policy.yaml"


def test_since_v1beta4_arguments_are_a_list(tmp_path: Path) -> None:
    found = patches(tmp_path)
    listed = found["v1beta4"]["apiServer"]["extraArgs"]
    assert {each["name"]: each["value"] for each in listed} == found["v1beta3"]["apiServer"]["extraArgs"]


def test_what_the_api_server_reads_and_writes_is_mounted_from_this_host(tmp_path: Path) -> None:
    node = cluster_config("lab-000000", "image:tag", tmp_path)["nodes"][0]
    mounted = {mount["containerPath"]: Path(mount["hostPath"]) for mount in node["extraMounts"]}
    volumes = patches(tmp_path)["v1beta3"]["apiServer"]["extraVolumes"]
    assert {volume["hostPath"] for volume in volumes} == set(mounted)
    assert all(path.parent == tmp_path for path in mounted.values())


def test_keys_leave_the_kubeconfig_for_files_that_only_we_can_read(tmp_path: Path) -> None:
    def data(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    kubeconfig = tmp_path / "kubeconfig"
    document = {
        "clusters": [{"name": "k", "cluster": {"server": "https://s", "certificate-authority-data": data("ca")}}],
        "users": [{"name": "k", "user": {"client-certificate-data": data("cert"), "client-key-data": data("key")}}],
    }
    kubeconfig.write_text(yaml.safe_dump(document))
    credentials_by_path(kubeconfig)
    written = yaml.safe_load(kubeconfig.read_text())
    assert written["clusters"][0]["cluster"] == {
        "server": "https://s",
        "certificate-authority": str(tmp_path / "certificate-authority"),
    }
    key = Path(written["users"][0]["user"]["client-key"])
    assert key.read_text() == "key"
    assert {path.stat().st_mode & 0o777 for path in (key, kubeconfig)} == {0o600}


def test_the_audit_policy_keeps_secrets_out_and_drops_nothing_about_them() -> None:
    rules = yaml.safe_load(audit_policy())["rules"]
    first = next(r for r in rules if any("secrets" in group["resources"] for group in r.get("resources", [])))
    assert rules.index(first) == 0
    assert first["level"] == "Metadata"
    assert not any(key in first for key in ("users", "userGroups", "verbs", "namespaces"))
    pods = [r for r in rules if any("pods" in group["resources"] for group in r.get("resources", []))]
    assert [rule["level"] for rule in pods] == ["Request", "Metadata"]
    seen = {resource for rule in pods for group in rule["resources"] for resource in group["resources"]}
    assert {"pods/exec", "pods/attach", "pods/portforward"} <= seen
    dropped = [rule for rule in rules if rule["level"] == "None"]
    assert all(rules.index(rule) > rules.index(pods[-1]) for rule in dropped)
