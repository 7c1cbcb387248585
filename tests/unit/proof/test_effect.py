"""When two attacks did the same: powers count, spelling does not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proof.effect import Container, Effect, Mount, Request, _container, compare, effect_of
from harness.proof.engines import DuckDbEngine
from harness.proof.tables.schema import RECORD, complete


def container(**more: Any) -> Container:
    values: dict[str, Any] = {
        "image": "busybox",
        "command": ("id",),
        "user": "",
        "privileged": False,
        "capabilities": frozenset(),
        "modes": frozenset(),
        "security": frozenset(),
        "mounts": frozenset(),
    }
    return Container(**values | more)


def effect(*containers: Container, execs: set[str] | None = None, requests: set[Request] | None = None) -> Effect:
    return Effect(containers, frozenset(execs or ()), frozenset(requests or ()))


ROOT, ETC = Mount("/", "/host", writable=True), Mount("/etc", "/e", writable=True)
LIST = Request("list", "secrets", "", "", 200)
NAMED = Request("get", "secrets", "payments", "stripe-api-key", 200)


@pytest.mark.parametrize(
    ("base", "other", "equivalence"),
    [
        (effect(container()), effect(container()), "identical"),
        (effect(container(image="a"), container()), effect(container(), container(image="a")), "identical"),
        (effect(container()), effect(container(privileged=True)), "covers"),
        (effect(container(privileged=True)), effect(container()), "different"),
        (effect(container(capabilities=frozenset({"SYS_ADMIN"}))), effect(container()), "different"),
        (
            effect(container(capabilities=frozenset({"SYS_ADMIN"}))),
            effect(container(capabilities=frozenset({"ALL"}))),
            "covers",
        ),
        (effect(container(mounts=frozenset({ETC}))), effect(container(mounts=frozenset({ROOT}))), "covers"),
        (effect(container(mounts=frozenset({ROOT}))), effect(container(mounts=frozenset({ETC}))), "different"),
        (
            effect(container(mounts=frozenset({ROOT}))),
            effect(container(mounts=frozenset({Mount("/", "/host", writable=False)}))),
            "different",
        ),
        (effect(container()), effect(container(command=("whoami",))), "different"),
        (effect(container()), effect(), "none"),
        (effect(container()), effect(container(), container(command=("whoami",))), "covers"),
        # one container can't stand for two
        (effect(container(), container()), effect(container(), container(command=("whoami",))), "different"),
        (effect(container(), container()), effect(container()), "different"),
        (effect(container(), container(privileged=True)), effect(container(privileged=True), container()), "identical"),
        (effect(execs={"id"}), effect(execs={"id"}), "identical"),
        (effect(execs={"id"}), effect(execs={"whoami"}), "different"),
        (replace(effect(container()), ends=frozenset({"die 0"})), effect(container()), "different"),
        (effect(container()), replace(effect(container()), ends=frozenset({"die 0"})), "identical"),
        (effect(requests={LIST}), effect(requests={LIST, NAMED}), "covers"),
        (effect(requests={LIST}), effect(requests={NAMED}), "different"),
        (effect(), effect(container()), "unknown"),
    ],
)
def test_what_is_the_same(base: Effect, other: Effect, equivalence: str) -> None:
    found, differences = compare(base, other)
    assert found == equivalence, differences
    assert bool(differences) == (equivalence != "identical")


def test_what_the_daemon_and_the_api_server_recorded() -> None:
    engine = DuckDbEngine(datetime.now(UTC))
    body = {
        "Config": {"Image": "busybox", "Cmd": ["id"]},
        "HostConfig": {"CapAdd": ["CAP_SYS_ADMIN"], "NetworkMode": "host", "PidMode": "", "IpcMode": "private"},
        "Mounts": [{"Source": "/var/run/docker.sock", "Destination": "/s", "RW": True}],
    }
    inspect = {"Source": "inspect", "Action": "create", "Body": json.dumps(body), RECORD: "raw/x:1"}
    engine.put("DockerDaemon_CL", "a", [complete("DockerDaemon_CL", inspect)])
    found = effect_of(engine, "a")
    (made,) = found.containers
    assert (made.image, made.command) == ("busybox", ("id",))
    assert made.modes == {"network=host"}
    assert made.capabilities == {"SYS_ADMIN"}
    assert made.mounts == {Mount("/run/docker.sock", "/s", writable=True)}
    stream = {
        "Verb": "create",
        "Stage": "ResponseStarted",
        "ObjectRef": {"resource": "pods", "subresource": "exec", "namespace": "web", "name": "target"},
        "ResponseStatus": {"code": 101},
        RECORD: "raw/y:1",
    }
    engine.put("AKSAudit", "b", [complete("AKSAudit", stream)])
    assert effect_of(engine, "b").requests == {Request("create", "pods/exec", "web", "target", 101)}


def test_spelling_is_left_out_of_an_inspect() -> None:
    def inspect(**host: Any) -> dict[str, Any]:
        return {"Config": {"Image": "i", "Cmd": ["id"]}, "HostConfig": host, "Mounts": []}

    assert _container(inspect(CapAdd=["CAP_SYS_ADMIN"])) == _container(inspect(CapAdd=["SYS_ADMIN"]))
    assert _container(inspect(NetworkMode="default")) == _container(inspect(NetworkMode="bridge"))
    assert _container(inspect(PidMode="host")) != _container(inspect(PidMode=""))


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.lists(st.text())))
def test_any_record_can_be_read(host: dict[str, Any]) -> None:
    host = {name: value for name, value in host.items() if name not in ("CapAdd", "SecurityOpt")}
    assert _container({"HostConfig": host}).command == ()
