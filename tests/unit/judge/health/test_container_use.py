"""Who has something run in containers: whose a request is, and not by which socket it came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.judge.health.container_use import ContainerUse
from harness.judge.health.health import Health
from harness.model.manifest import LabPart, Manifest
from harness.recording import layout, open_recording
from tests.conftest import COMMITTED

MANIFEST = open_recording(COMMITTED).manifest
FIRST = MANIFEST.detonations[0]
assert FIRST.attack is not None
ATTACK, NAME = FIRST.attack, FIRST.atomic
AT = ATTACK.started.timestamp() + 0.01
ID = "a" * 64
BY_ATTACK = {"pid": 5, "started": 1.0, "session": ATTACK.session, "above": [1], "cgroup": "0::/"}
BY_STRANGER = BY_ATTACK | {"session": 999_999}
KIND = LabPart(kind="kind", name="lab", version="1.32", reason="asked for")


def request(path: str, atomic: str = "background", peer: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    values = {"atomic": atomic, "sent": AT, "answered": AT + 0.1, "method": "POST", "path": path, "status": 201}
    return values | {"peer": peer or BY_ATTACK} | more


CREATE = request("/v1.41/containers/create", container_id=ID)


def event(action: str, identifier: str = ID, kind: str = "container") -> dict[str, Any]:
    told = {"Type": kind, "Action": action, "timeNano": int((AT + 0.05) * 1e9), "Actor": {"ID": identifier}}
    return {"event": told, "inspect": None}


MADE = event("create")


def written(root: Path, **files: list[Any]) -> Path:
    names = {"requests": layout.DAEMON_REQUESTS, "events": layout.DAEMON_EVENTS, "kube": layout.KUBE_AUDIT}
    (root / "raw").mkdir(exist_ok=True)
    for name, lines in files.items():
        text = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines)
        (root / names.get(name, layout.AUDIT_LOG)).write_text(text)
    return root


def use(root: Path, manifest: Manifest = MANIFEST, **files: list[Any]) -> ContainerUse:
    return ContainerUse.of(written(root, **files), manifest, {ID})


@pytest.mark.parametrize(
    ("path", "uses"),
    [
        ("/v1.41/containers/create", True),
        ("/v1.41/containers/box/exec", True),
        ("/v1.41/services/create", True),
        ("/v1.41/build?q=1", True),
        ("/v1.41/containers/box/start", True),
        ("/containers/box/restart?t=1", True),
        ("/containers/box/unpause", True),
        ("/containers/box/stop", False),
        ("/images/create?fromImage=x", False),
    ],
)
def test_who_has_the_daemon_run_something_in_a_container(tmp_path: Path, path: str, uses: bool) -> None:
    """By the daemon's own socket, where the gateway's name says nothing."""
    assert use(tmp_path, requests=[request(path)]).uses(NAME) == uses
    assert not use(tmp_path, requests=[request(path, NAME, BY_STRANGER)]).uses(NAME)
    assert use(tmp_path, requests=[request(path, peer={"pid": 5, "started": None})]).uses(NAME) == uses  # it may be


def test_a_container_that_nobody_asked_for_may_be_the_attacks(tmp_path: Path) -> None:
    found = use(tmp_path, requests=[request("/info", peer=BY_STRANGER)], events=[MADE])
    assert found.uses(NAME)
    assert found.untold_of(NAME) == [ID]


def test_whose_a_container_is_of_which_nobody_knows_what_it_may_do(tmp_path: Path) -> None:
    others = [event("start"), event("create", "b" * 64)]
    assert use(tmp_path, requests=[CREATE], events=[MADE, *others]).untold_of(NAME) == [ID]
    assert use(tmp_path, requests=[CREATE | {"atomic": NAME, "peer": BY_STRANGER}], events=[MADE]).untold_of(NAME) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (request("/networks/create"), event("create", "n", "network")),
        (request(f"/containers/{ID}/archive?path=/etc", method="GET"), event("archive-path")),
    ],
)
def test_what_an_attack_has_the_daemon_do_without_running_anything_is_no_use(
    tmp_path: Path, asked: dict[str, Any], told: dict[str, Any]
) -> None:
    assert not use(tmp_path, requests=[asked], events=[told]).uses(NAME)


@pytest.mark.parametrize(
    ("words", "uses"),
    [
        ("/usr/bin/podman run box", True),
        ("/usr/bin/crun create b", True),
        ("/usr/bin/ctr run box x", True),
        ("/usr/bin/id", False),
    ],
)
def test_who_runs_containers_without_the_daemon_uses_some(tmp_path: Path, words: str, uses: bool) -> None:
    head, arguments = f"msg=audit({AT:.3f}:1):", words.split()
    lines = [
        (
            f"type=SYSCALL {head} arch=c000003e syscall=59 success=yes exit=0 ppid=4 pid=5 uid=0 ses={ATTACK.session}"
            f' exe="{arguments[0]}"'
        ),
        f"type=EXECVE {head} argc={len(arguments)} " + " ".join(f'a{n}="{word}"' for n, word in enumerate(arguments)),
    ]
    assert use(tmp_path, log=lines).uses(NAME) == uses


@pytest.mark.parametrize(
    ("verb", "below", "uses"),
    [("create", "", True), ("create", "exec", True), ("get", "exec", True), ("get", "", False), ("create", "x", False)],
)
def test_who_has_pods_run_on_this_host_uses_containers(tmp_path: Path, verb: str, below: str, uses: bool) -> None:
    asked = {
        "kind": "Event",
        "verb": verb,
        "user": {"username": FIRST.user},
        "objectRef": {"resource": "pods", "namespace": "web", "name": "p", "subresource": below},
        "requestReceivedTimestamp": ATTACK.started.isoformat(),
        "responseStatus": {"code": 201},
    }
    on_host = MANIFEST.model_copy(update={"lab": MANIFEST.lab.model_copy(update={"cluster": KIND})})
    assert use(tmp_path, on_host, kube=[asked]).uses(NAME) == uses
    assert not use(tmp_path, on_host, kube=[asked | {"objectRef": None}]).uses(NAME)
    assert not use(tmp_path, kube=[asked]).uses(NAME)  # a control plane without nodes runs none


def without_canary(manifest: Manifest) -> Manifest:
    marks = [
        each.model_copy(update={"marks": [mark.model_copy(update={"contained": ""}) for mark in each.marks]})
        if each.name == "auditd"
        else each
        for each in manifest.sensors
    ]
    return manifest.model_copy(update={"sensors": marks})


def test_both_problems_stand_whatever_socket_the_attack_asked_by(tmp_path: Path) -> None:
    written(tmp_path, requests=[CREATE], events=[MADE])
    health = Health.of(tmp_path, without_canary(MANIFEST))
    assert f"docker_daemon: container {ID[:12]} ended before its configuration was read" in (
        health.around(FIRST, "docker_daemon").problems
    )
    lost = [f"auditd: no canary could be executed in a container {when} the attack" for when in ("before", "after")]
    assert set(lost) <= set(health.around(FIRST, "auditd").problems)
    other = MANIFEST.detonations[-1]
    assert not set(lost) & set(health.around(other, "auditd").problems)
