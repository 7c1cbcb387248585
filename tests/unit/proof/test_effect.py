"""Whether one attack did what another did, by what the daemon and the API server recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proof.effect import Container, Effect, Mount, Request, _container, compare

BASE = Container(
    image="i",
    command=("id",),
    user="",
    privileged=False,
    capabilities=frozenset({"SYS_ADMIN"}),
    modes=frozenset({"network=host"}),
    security=frozenset(),
    mounts=frozenset({Mount("/etc", "/host/etc", True)}),
)
LIST = Request("list", "secrets", "", "", 200)


def effect(*containers: Container, execs: tuple[str, ...] = (), requests: tuple[Request, ...] = ()) -> Effect:
    return Effect(containers, frozenset(execs), frozenset(requests))


def judged(**changes: Any) -> str:
    return compare(effect(BASE), effect(replace(BASE, **changes)))[0]


def test_the_same_is_identical() -> None:
    assert compare(effect(BASE), effect(BASE)) == ("identical", [])


@pytest.mark.parametrize(
    "changes",
    [
        {"privileged": True},
        {"capabilities": frozenset({"ALL"})},
        {"capabilities": frozenset({"SYS_ADMIN", "SYS_PTRACE"})},
        {"modes": frozenset({"network=host", "pid=host"})},
        {"mounts": frozenset({Mount("/etc", "/mnt", True)})},
        {"mounts": frozenset({Mount("/", "/host", True)})},
    ],
)
def test_more_power_or_another_place_for_it_covers(changes: dict[str, Any]) -> None:
    assert judged(**changes) == "covers"


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "other"},
        {"command": ("whoami",)},
        {"user": "nobody"},
        {"capabilities": frozenset()},
        {"capabilities": frozenset({"SYS_PTRACE"})},
        {"modes": frozenset()},
        {"mounts": frozenset()},
        {"mounts": frozenset({Mount("/etc", "/host/etc", False)})},
        {"mounts": frozenset({Mount("/etcetera", "/host/etc", True)})},
    ],
)
def test_less_power_or_another_image_is_different(changes: dict[str, Any]) -> None:
    assert judged(**changes) == "different"


def test_no_container_at_all_is_different() -> None:
    assert compare(effect(BASE), effect()) == ("different", ["no container like id"])


def test_nothing_to_compare_with_is_unknown() -> None:
    assert compare(effect(), effect(BASE))[0] == "unknown"


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ((LIST,), "identical"),
        ((LIST, Request("list", "configmaps", "", "", 200)), "covers"),
        ((replace(LIST, code=403),), "different"),
        ((replace(LIST, namespace="web"),), "different"),
        ((replace(LIST, verb="get", name="x"),), "different"),
        ((), "different"),
    ],
)
def test_a_request_is_the_same_by_verb_resource_and_result(requests: tuple[Request, ...], expected: str) -> None:
    assert compare(effect(requests=(LIST,)), effect(requests=requests))[0] == expected


def test_a_command_that_was_not_executed_is_missed() -> None:
    assert compare(effect(execs=("whoami",)), effect(execs=("id",))) == ("different", ["'whoami' was not executed"])


def test_spelling_is_left_out_of_an_inspect() -> None:
    def inspect(**host: Any) -> dict[str, Any]:
        return {"Config": {"Image": "i", "Cmd": ["id"]}, "HostConfig": host, "Mounts": []}

    assert _container(inspect(CapAdd=["CAP_SYS_ADMIN"])) == _container(inspect(CapAdd=["SYS_ADMIN"]))
    assert _container(inspect(NetworkMode="default")) == _container(inspect(NetworkMode="bridge"))
    assert _container(inspect(PidMode="host")) != _container(inspect(PidMode=""))


def test_the_socket_of_docker_is_one_file_by_two_names() -> None:
    def mounted(source: str) -> Container:
        return _container({"Mounts": [{"Source": source, "Destination": "/s", "RW": True}]})

    assert mounted("/var/run/docker.sock") == mounted("/run/docker.sock")


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.lists(st.text())))
def test_any_record_can_be_read(host: dict[str, Any]) -> None:
    host = {k: v for k, v in host.items() if k not in ("CapAdd", "SecurityOpt")}
    assert _container({"HostConfig": host}).command == ()
