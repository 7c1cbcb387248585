"""Where the programs of a cluster are: kind, kube-apiserver and etcd."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from harness.errors import LabUnavailable
from harness.host.owned_folders import cache_root
from harness.host.process import base_environment, find_tool


def find_kind() -> Path:
    """kind on PATH, or in the cache, where scripts/fetch-kind puts it. Raises LabUnavailable."""
    on_path = shutil.which("kind", path=base_environment()["PATH"])
    cached = cache_root() / "kind/kind"
    if on_path:
        return Path(on_path)
    if cached.is_file():
        return cached
    raise LabUnavailable("'kind' is not installed", hint="Run scripts/fetch-kind, or install kind 0.27 or later.")


def find_kube_apiserver() -> Path:
    """kube-apiserver in KUBEBUILDER_ASSETS (envtest's variable), on PATH, or in the cache. Raises LabUnavailable."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (Path(assets) / "kube-apiserver").is_file():
        return Path(assets) / "kube-apiserver"
    on_path = shutil.which("kube-apiserver", path=base_environment()["PATH"])
    if on_path:
        return Path(on_path)
    cached = sorted((cache_root() / "kubernetes").glob("v*/kube-apiserver"))
    if cached:
        return cached[-1]
    hint = "Run scripts/build-kubernetes, or set KUBEBUILDER_ASSETS to a folder that holds it."
    raise LabUnavailable("'kube-apiserver' is not installed", hint=hint)


def find_etcd() -> Path:
    """etcd beside kube-apiserver in KUBEBUILDER_ASSETS, or on PATH. Raises LabUnavailable."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (Path(assets) / "etcd").is_file():
        return Path(assets) / "etcd"
    return find_tool("etcd", package="etcd-server")
