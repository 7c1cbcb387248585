"""Which parts a lab gets, and the reason that is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InvalidInput, LabUnavailable
from harness.lab.kubernetes.node_image import choose
from harness.lab.lab_choice import LabChoice, cluster_kind, docker_kind, plan, require_tools


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing in its cache, and the programs that a test puts into `bin`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_auto_is_kind_where_kind_is(bare: Path) -> None:
    for name in ("kind", "docker"):
        (bare / name).touch(mode=0o755)
    assert cluster_kind(LabChoice()) == ("kind", "no lab is kept")


def test_auto_is_the_control_plane_where_kind_is_not(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.host.process._SYSTEM_PATH", str(bare))
    assert cluster_kind(LabChoice()) == ("control-plane", "kind can't be used: 'kind' is not installed")


@pytest.mark.parametrize("word", ["kind", "control-plane", "none", "context:mine"])
def test_what_is_named_is_taken(word: str) -> None:
    assert cluster_kind(LabChoice(cluster=word)) == (word, "named on the command line")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (LabChoice(cluster="minikube"), "--cluster minikube: unknown"),
        (LabChoice(cluster="production"), "--cluster production: unknown"),
        (LabChoice(docker="podman"), "--docker podman: unknown"),
    ],
)
def test_an_unknown_word_is_a_mistake(choice: LabChoice, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        plan(choice)


def test_a_missing_program_is_named_before_anything_is_started(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.host.process._SYSTEM_PATH", str(bare))
    with pytest.raises(LabUnavailable, match="'kind' is not installed"):
        require_tools("kind")
    with pytest.raises(LabUnavailable, match="'kube-apiserver' is not installed"):
        require_tools("control-plane")
    require_tools("none")


def test_a_named_docker_host_has_its_reason() -> None:
    assert docker_kind(LabChoice(docker="host")) == ("host", "named on the command line")


def test_what_the_environment_names_is_told_from_what_the_command_line_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIVEFIRE_CLUSTER", "control-plane")
    monkeypatch.setenv("LIVEFIRE_NODE_IMAGE", "mine/node:1")
    assert cluster_kind(LabChoice(cluster="control-plane"))[1] == "named by LIVEFIRE_CLUSTER"
    assert cluster_kind(LabChoice(cluster="kind"))[1] == "named on the command line"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert choose("mine/node:1").why == "named by LIVEFIRE_NODE_IMAGE"
    assert choose("mine/node:2").why == "named on the command line"
    monkeypatch.setenv("LIVEFIRE_CLUSTER", "minikube")
    with pytest.raises(InvalidInput, match="LIVEFIRE_CLUSTER=minikube: unknown"):
        plan(LabChoice(cluster="minikube"))
