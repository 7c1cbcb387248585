"""What an attack brought about, as it was recorded: powers count, spelling does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.effect import Container, Effect, Mount, Request, _container, effect_of
from harness.judge.likeness import compare
from harness.kql.engine_choice import new_workspace
from harness.telemetry.schema import RECORD, complete
from tests.unit.judge.effects import container, effect


def recorded(table: str, *rows: dict[str, Any]) -> Effect:
    """The effect of a slice of these rows; another slice has a request that is not its."""
    workspace = new_workspace(datetime.now(UTC))
    numbered = [row | {RECORD: f"raw/x:{line}"} for line, row in enumerate(rows, 1)]
    workspace.put("AKSAudit", "other", [complete("AKSAudit", request("delete", "ResponseComplete", resource="nodes"))])
    workspace.put(table, "a", [complete(table, row) for row in numbered])
    return effect_of(workspace, "a")


def inspect(body: object) -> dict[str, Any]:
    return {"Source": "inspect", "Action": "create", "Body": json.dumps(body)}


def event(action: str, exit_code: int | None = None) -> dict[str, Any]:
    return {"Source": "event", "Action": action, "ExitCode": exit_code}


def request(verb: str, stage: str, code: int | None = 200, **reference: str) -> dict[str, Any]:
    status = {} if code is None else {"code": code}
    return {"Verb": verb, "Stage": stage, "ObjectRef": reference, "ResponseStatus": status}


def test_what_the_daemon_recorded_of_a_container() -> None:
    body = {
        "Config": {"Image": "busybox", "Entrypoint": ["sh", "-c"], "Cmd": ["id"], "User": "1000"},
        "HostConfig": {
            "Privileged": False,
            "CapAdd": ["CAP_SYS_ADMIN", "net_raw"],
            "NetworkMode": "host",
            "PidMode": "container:x",
            "IpcMode": "shareable",
            "UTSMode": "host",
            "UsernsMode": "host",
            "SecurityOpt": ["seccomp=unconfined", "label=disable"],
        },
        "Mounts": [{"Source": "/var/run/docker.sock", "Destination": "/s", "RW": True}, {"Source": "/var/running"}],
    }
    assert recorded("DockerDaemon_CL", inspect(body)).containers == (
        Container(
            image="busybox",
            command=("sh", "-c", "id"),
            user="1000",
            privileged=False,
            capabilities=frozenset({"SYS_ADMIN", "NET_RAW"}),
            modes=frozenset({"network=host", "pid=container:x", "ipc=shareable", "uts=host", "userns=host"}),
            security=frozenset({"seccomp=unconfined", "label=disable"}),
            mounts=frozenset({Mount("/run/docker.sock", "/s", True), Mount("/var/running", "", False)}),
        ),
    )


def test_a_privileged_container_has_no_labels_whether_it_asks_or_not() -> None:
    host = {"Privileged": True, "SecurityOpt": ["label=disable", "seccomp=x"]}
    (found,) = recorded("DockerDaemon_CL", inspect({"HostConfig": host})).containers
    assert found.privileged
    assert found.security == {"seccomp=x"}


@pytest.mark.parametrize("body", [{}, {"Mounts": [{}]}, [], "x", None])
def test_what_an_inspect_does_not_tell_is_not_there(body: object) -> None:
    mounts = frozenset({Mount("", "", writable=False)} if body == {"Mounts": [{}]} else set())
    nothing = container(image="", command=(), mounts=mounts)
    assert recorded("DockerDaemon_CL", inspect(body)) == effect(nothing)


def test_what_was_executed_in_containers_and_how_they_ended() -> None:
    found = recorded(
        "DockerDaemon_CL", event("exec_create: sh -c echo: x"), event("die", 137), event("exec_die", 0), event("start")
    )
    assert found == Effect((), frozenset({"sh -c echo: x"}), frozenset(), frozenset({"die 137", "exec_die 0"}))


def test_what_the_api_server_answered() -> None:
    found = recorded(
        "AKSAudit",
        request("get", "ResponseComplete", resource="secrets", namespace="web", name="key"),
        request("list", "ResponseComplete", 403, resource="secrets"),
        request("create", "ResponseStarted", 101, resource="pods", subresource="exec", namespace="web", name="target"),
        request("watch", "ResponseComplete", None, resource="pods"),
        request("list", "RequestReceived", resource="pods"),
        request("get", "ResponseComplete"),  # a path that is no resource: /version
    )
    assert found == effect(
        requests={
            Request("get", "secrets", "web", "key", 200),
            Request("list", "secrets", "", "", 403),
            Request("create", "pods/exec", "web", "target", 101),
            Request("watch", "pods", "", "", 0),
        }
    )


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


def with_host(**host: Any) -> Effect:
    return effect(_container({"Config": {"Image": "busybox", "Cmd": ["id"]}, "HostConfig": host}))


DISK = {"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}
READABLE = DISK | {"CgroupPermissions": "r"}


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ({"Devices": [DISK]}, {}),
        ({"DeviceCgroupRules": ["b 8:* rwm"]}, {}),
        ({"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}, {}),
        ({"CgroupnsMode": "host"}, {"CgroupnsMode": "private"}),
        ({"GroupAdd": ["docker"]}, {}),
        ({"Sysctls": {"net.ipv4.ip_forward": "1"}}, {}),
        ({"MaskedPaths": []}, {"MaskedPaths": ["/proc/kcore"]}),
        ({}, {"CapDrop": ["ALL"]}),
        ({"CapDrop": ["NET_RAW"]}, {"CapDrop": ["CAP_ALL"]}),
        ({"CapDrop": ["CHOWN"]}, {"CapDrop": ["cap_chown", "NET_RAW"]}),
        ({}, {"ReadonlyRootfs": True}),
    ],
)
def test_each_power_of_a_container_counts(more: dict[str, Any], less: dict[str, Any]) -> None:
    assert compare(with_host(**more), with_host(**more)) == ("identical", [])
    assert compare(with_host(**more), with_host(**less))[0] == "different"
    assert compare(with_host(**less), with_host(**more))[0] == "covers"


def test_another_device_is_not_the_same() -> None:
    assert compare(with_host(Devices=[DISK]), with_host(Devices=[READABLE])) == (
        "different",
        ["without devices /dev/sda:/dev/sda:rwm", "also devices /dev/sda:/dev/sda:r"],
    )


def test_a_privileged_container_drops_nothing_and_hides_nothing() -> None:
    host = {"Privileged": True, "SecurityOpt": ["label=disable"], "MaskedPaths": None}
    assert compare(with_host(**host), with_host(**host | {"CapDrop": ["ALL"]})) == ("identical", [])
    assert compare(with_host(**host), with_host(**host | {"MaskedPaths": []})) == ("identical", [])


def test_who_drops_all_drops_each() -> None:
    assert compare(with_host(CapDrop=["ALL"]), with_host(CapDrop=["NET_RAW"])) == ("covers", ["ALL is not dropped"])


GPU, ALL_GPUS = {"Count": 1, "Driver": "x"}, {"Count": -1, "Driver": "x"}


@pytest.mark.parametrize(
    ("base", "other", "differences"),
    [
        ({}, {"ReadonlyRootfs": True}, ["its root is read-only"]),
        ({"ReadonlyRootfs": True}, {}, ["its root can be written"]),
        ({}, {"CapDrop": ["chown"]}, ["dropped CHOWN"]),
        ({"MaskedPaths": []}, {}, ["without security systempaths=unconfined"]),
        (
            {"DeviceRequests": [GPU]},
            {"DeviceRequests": [ALL_GPUS]},
            ['without devices {"Count": 1, "Driver": "x"}', 'also devices {"Count": -1, "Driver": "x"}'],
        ),
        ({"DeviceRequests": [GPU]}, {"DeviceRequests": [dict(reversed(GPU.items()))]}, []),
        ({"Devices": [{"PathOnHost": "/dev/kvm"}]}, {}, ["without devices /dev/kvm::"]),
        ({"GroupAdd": ["docker"]}, {}, ["without groups docker"]),
        ({"Sysctls": {"kernel.msgmax": "1"}}, {}, ["without settings kernel.msgmax=1"]),
    ],
)
def test_each_power_is_named(base: dict[str, Any], other: dict[str, Any], differences: list[str]) -> None:
    assert compare(with_host(**base), with_host(**other))[1] == differences
