"""What a lab is like, for whoever judges a recording of it."""

from __future__ import annotations

import pytest

from harness.model.manifest import LabFacts, LabPart


def part(kind: str) -> LabPart | None:
    return LabPart(kind=kind, name="unix:///run/docker.sock", version="1", reason="") if kind else None


@pytest.mark.parametrize(
    ("kind", "own", "socket"), [("managed", True, None), ("host", False, "/run/docker.sock"), ("", False, None)]
)
def test_whose_the_docker_daemon_is(kind: str, own: bool, socket: str | None) -> None:
    lab = LabFacts(docker=part(kind), cluster=None)
    assert (lab.own_docker, lab.foreign_socket) == (own, socket)


@pytest.mark.parametrize(
    ("kind", "nodes", "here"),
    [("kind", True, True), ("context", True, False), ("control-plane", False, False), ("", False, False)],
)
def test_where_the_nodes_of_a_cluster_are(kind: str, nodes: bool, here: bool) -> None:
    lab = LabFacts(docker=None, cluster=part(kind))
    assert (lab.has_nodes, lab.nodes_here) == (nodes, here)
