"""When two attacks did the same: powers count, spelling does not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.effect import Container, Effect, Mount, Request, _container, compare, effect_of
from harness.kql.duckdb.duckdb_engine import DuckDbEngine
from harness.telemetry.schema import RECORD, complete


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


LISTED = Request("list", "secrets", "web", "", 200)


@pytest.mark.parametrize(
    ("base", "other", "differences"),
    [
        (effect(), effect(container()), ["nothing is known of what the atomic itself brought about"]),
        (effect(container()), effect(), ["it brought nothing about"]),
        # what is like another exactly is its partner, and stays it
        (
            effect(container(command=("sh", "-c", "id")), container(privileged=True)),
            effect(container(privileged=True)),
            ["no container like sh -c id"],
        ),
        (
            effect(container(), container(command=("a",)), container(command=("b",))),
            effect(container()),
            ["no container like a", "no container like b"],
        ),
        (
            effect(container(image="a"), container(image="b")),
            effect(container(image="c"), container(image="d")),
            ["image 'c' instead of 'a'", "image 'd' instead of 'b'"],
        ),
        (effect(container()), effect(container(), container()), ["2 containers instead of 1"]),
        (effect(execs={"b", "a"}), effect(execs={"c"}), ["'a' was not executed", "'b' was not executed"]),
        (
            replace(effect(container()), ends=frozenset({"die 1", "die 0"})),
            effect(container()),
            ["nothing ended with 'die 0'", "nothing ended with 'die 1'"],
        ),
        (
            effect(requests={LIST, NAMED}),
            effect(requests={replace(LIST, code=403), LISTED}),
            [
                "no get of secrets/stripe-api-key in payments answered 200",
                "no list of secrets answered 200",
                "also list of secrets",
                "also list of secrets in web",
            ],
        ),
        # what is missing is told first, over all containers: it is the reason why a variant does not count
        (
            effect(container(), container(image="a")),
            effect(container(privileged=True), container(image="b", privileged=True)),
            ["image 'b' instead of 'a'", "privileged", "privileged"],
        ),
    ],
)
def test_what_differs_is_told(base: Effect, other: Effect, differences: list[str]) -> None:
    assert compare(base, other)[1] == differences


def some(**more: list[str]) -> dict[str, frozenset[str]]:
    return {name: frozenset(values) for name, values in more.items()}


READ_ONLY = Mount("/", "/host", writable=False)


@pytest.mark.parametrize(
    ("base", "other", "equivalence", "differences"),
    [
        ({"image": "a"}, {"image": "b"}, "different", ["image 'b' instead of 'a'"]),
        ({"command": ("a",)}, {"command": ("b",)}, "different", ["command ('b',) instead of ('a',)"]),
        ({"user": "1"}, {"user": ""}, "different", ["user '' instead of '1'"]),
        ({}, {"privileged": True}, "covers", ["privileged"]),
        ({"privileged": True}, {}, "different", ["not privileged"]),
        # more of one thing makes up for no other
        ({"user": "1"}, {"privileged": True}, "different", ["user '' instead of '1'", "privileged"]),
        (
            some(capabilities=["A", "C", "B"]),
            some(capabilities=["E", "D"]),
            "different",
            [
                "without capabilities A",
                "without capabilities B",
                "without capabilities C",
                "also capabilities D",
                "also capabilities E",
            ],
        ),
        (some(capabilities=["A"]), some(capabilities=["ALL"]), "covers", ["also capabilities ALL"]),
        (
            some(modes=["a"]) | {"mounts": {ETC}},
            some(security=["b"]) | {"mounts": {ROOT}},
            "different",
            ["without modes a", "also security b", "mount /:/host"],
        ),
        (some(modes=["pid=host"]), some(), "different", ["without modes pid=host"]),
        (some(), some(modes=["pid=host"]), "covers", ["also modes pid=host"]),
        (some(security=["x"]), some(security=["ALL"]), "different", ["without security x", "also security ALL"]),
        ({"mounts": {ROOT}}, {}, "different", ["no mount of /"]),
        ({"mounts": {ETC}}, {"mounts": {READ_ONLY}}, "different", ["no mount of /etc"]),
        ({"mounts": {replace(ETC, writable=False)}}, {"mounts": {READ_ONLY}}, "covers", ["mount /:/host"]),
        (
            {"mounts": {Mount("/srv", "/s", writable=True), Mount("/opt", "/o", writable=True), ETC}},
            {"mounts": {ETC}},
            "different",
            ["no mount of /opt", "no mount of /srv"],
        ),
        # what gives it is told once, and always the same
        (
            {"mounts": {ETC}},
            {"mounts": {Mount("/", f"/{name}", writable=True) for name in "dcab"}},
            "covers",
            ["mount /:/a"],
        ),
    ],
)
def test_what_one_container_is_and_may_do(
    base: dict[str, Any], other: dict[str, Any], equivalence: str, differences: list[str]
) -> None:
    found = compare(effect(container(**base)), effect(container(**other)))
    assert found == (equivalence, differences)


def recorded(table: str, *rows: dict[str, Any]) -> Effect:
    """The effect of a slice of these rows; another slice has a request that is not its."""
    engine = DuckDbEngine(datetime.now(UTC))
    numbered = [row | {RECORD: f"raw/x:{line}"} for line, row in enumerate(rows, 1)]
    engine.put("AKSAudit", "other", [complete("AKSAudit", request("delete", "ResponseComplete", resource="nodes"))])
    engine.put(table, "a", [complete(table, row) for row in numbered])
    return effect_of(engine, "a")


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
