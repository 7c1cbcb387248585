"""When two attacks did the same: powers count, spelling does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.judge.effect import Effect, Mount, Request
from harness.judge.likeness import compare
from tests.unit.judge.effects import container, effect

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
        (effect(), effect(container()), ["no effect of the atomic itself was recorded"]),
        (effect(container()), effect(), ["it had no effect"]),
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
