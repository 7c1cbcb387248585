"""What was asked of the Docker daemon, and whose a record of the daemon's is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.telemetry.attribution.docker_requests import FILE_ACTIONS, DockerRequests
from harness.telemetry.readers.gateway_requests import DockerRequest, read_requests
from harness.telemetry.schema import ambiguous

ATTACK, OTHER, RUNNING = "T1/a", "T1/b", "T1/r"
ID = "a" * 64
AT = 1700000000.0
LINE: dict[str, Any] = {
    "atomic": ATTACK,
    "sent": AT,
    "answered": AT + 1,
    "method": "POST",
    "path": "/v1.41/containers/create",
    "status": 201,
}
FURTHER: dict[str, Any] = {
    "container_id": ID,
    "exec_id": "e",
    "image": "sha256:1",
    "config": {"Image": "box"},
    "service_id": "s",
    "built": ["b", "c"],
    "peer": {"pid": 5},
    "body_bytes": 20,
}


def test_a_line_is_a_request() -> None:
    (found,) = read_requests([json.dumps(LINE | FURTHER)])
    assert found == DockerRequest(**(LINE | FURTHER | {"built": ("b", "c")}))
    assert (found.exec_id, found.image, found.service_id) == ("e", "sha256:1", "s")


@pytest.mark.parametrize("further", [{}, dict.fromkeys(FURTHER), {"config": [1], "peer": "x", "built": []}])
def test_what_an_older_gateway_did_not_note_is_empty(further: dict[str, Any]) -> None:
    (found,) = read_requests([json.dumps(LINE | further)])
    assert (found.container_id, found.exec_id, found.image, found.service_id) == ("", "", "", "")
    assert (found.config, found.peer, found.built, found.body_bytes) == (None, None, (), None)


@pytest.mark.parametrize("missing", LINE)
def test_a_damaged_line_is_passed_over_and_hides_no_other(missing: str) -> None:
    damaged = json.dumps({key: value for key, value in LINE.items() if key != missing})
    infinite = json.dumps(LINE | {"status": float("inf")})
    assert len(read_requests([damaged, "5", "no JSON", infinite, json.dumps(LINE)])) == 1


def request(whose: str = ATTACK, path: str = "/v1.41/info", at: float = AT, **more: Any) -> DockerRequest:
    values: dict[str, Any] = {"method": "POST", "status": 201, "container_id": ""} | more
    return DockerRequest(atomic=whose, sent=at, answered=at + 1, path=path, **values)


def requests(*found: DockerRequest, all_gated: bool = True) -> DockerRequests:
    """While an attack runs, for a minute."""
    return DockerRequests(list(found), lambda at: RUNNING if AT <= at <= AT + 60 else "", all_gated)


NOTED: dict[str, Any] = {"peer": {"pid": 5}}


def test_whose_an_execution_is() -> None:
    found = requests(request(), request(container_id=ID), request(OTHER, exec_id="e"))
    assert [found.of_exec([each], AT) for each in ("e", "f", "")] == [OTHER, "background", "background"]
    assert found.of_exec([ID, "e"], AT) == OTHER
    assert found.of_exec([], AT) == "background"


def test_what_was_asked_past_all_gateways_may_be_the_attacks_once_there_are_some() -> None:
    assert requests(request(**NOTED)).unknown(AT) == ambiguous(RUNNING)
    assert requests(request(**NOTED)).unknown(AT + 61) == ""
    assert requests(request()).unknown(AT) == ""
    assert DockerRequests([request(**NOTED)]).unknown(AT) == ""  # of nothing but requests, no attack is known


def test_a_request_in_the_daemons_log_is_its_who_sent_it_then() -> None:
    found = requests(request(), request(OTHER, "/v1.41/version", method="GET"))
    assert found.of_request("POST", "/v1.41/info", AT) == ATTACK
    assert found.of_request("GET", "/v1.41/version", AT) == OTHER
    assert found.of_request("GET", "/v1.41/info", AT) == "background"
    assert found.of_request("POST", "/v1.41/info", AT + 2) == "background"


def test_one_that_nobody_noted_may_be_the_attacks_unless_it_only_reads() -> None:
    found = requests(request(**NOTED))
    assert found.of_request("DELETE", "/v1.41/info", AT) == ambiguous(RUNNING)
    assert found.of_request("GET", "/v1.41/info", AT) == "background"
    assert found.of_request("HEAD", "/v1.41/info", AT) == "background"


def test_whatever_the_daemon_tells_of_what_nobody_noted_may_be_the_attacks_that_runs() -> None:
    noted = requests(request(**NOTED))
    for at, whose in ((AT, ambiguous(RUNNING)), (AT + 61, "background")):
        assert noted.of_exec(["e"], at) == whose
        assert noted.of_image("i", at) == whose
        assert noted.of_kind("network", at) == whose
        assert {noted.of_files(action, ID, "n", at) for action in FILE_ACTIONS} == {whose}
    strangers = requests(request("background", exec_id="e", **NOTED), request("background", image="i", **NOTED))
    assert strangers.of_exec(["e"], AT) == strangers.of_image("i", AT) == "background"  # somebody noted whose


@pytest.mark.parametrize("kind", ["network", "volume", "service", "secret", "config", "node", "plugin"])
def test_what_became_of_anything_else_is_its_who_asked_for_something_of_its_kind(kind: str) -> None:
    made = request(path=f"/v1.41/{kind}s/create")
    assert requests(made).of_kind(kind, AT) == ATTACK
    assert requests(made).of_kind(kind, AT + 2) == "background"
    assert requests(made).of_kind("image", AT) == "background"
    assert requests(request(path=f"/{kind}s/x", method="DELETE")).of_kind(kind, AT) == ATTACK
    assert requests(request(path=f"/{kind}s", method="GET")).of_kind(kind, AT) == "background"
    assert requests(made).of_kind(kind, AT, [AT, AT]) == ambiguous(ATTACK)
    assert requests(made, request(OTHER, f"/{kind}s/x/update")).of_kind(kind, AT) == ambiguous(ATTACK, OTHER)


def test_a_request_for_nothing_is_of_no_kind() -> None:
    assert requests(request(path="/")).of_kind("", AT) == "background"


def test_of_more_calls_than_were_noted_nobody_knows_which_are_whose() -> None:
    twice = [AT + 0.1, AT + 0.2]
    assert requests(request()).of_request("POST", "/v1.41/info", AT + 0.1, twice) == ambiguous(ATTACK)
    assert requests(request(), request()).of_request("POST", "/v1.41/info", AT + 0.1, twice) == ATTACK
    reads = requests(request(method="GET"))
    assert reads.of_request("GET", "/v1.41/info", AT + 0.1, twice) == ATTACK  # Livefire looks there, too
    assert requests(request(RUNNING, **NOTED)).of_request("POST", "/v1.41/info", AT + 0.1, twice) == ambiguous(RUNNING)
    assert requests(request("harness")).of_request("POST", "/v1.41/info", AT + 0.1, twice) == "background"
    assert requests(request("harness", **NOTED)).of_request("POST", "/v1.41/info", AT, [AT, AT]) == ambiguous(RUNNING)


def test_an_event_of_an_image_is_its_whose_request_made_it() -> None:
    found = requests(request(OTHER), request(image="i"))
    assert found.of_image("i", AT) == ATTACK
    assert found.of_image("i", AT + 2) == "background"
    assert found.of_image("j", AT) == found.of_image("", AT) == "background"
    assert found.of_image("i", AT, [AT, AT]) == ambiguous(ATTACK)


IMAGES = {
    "POST": [
        "/v1.41/images/x/tag?repo=a",
        "/images/load",
        "/build?t=x",
        "/v1.41/commit?container=x",
        "/grpc",
        "/session",
    ],
    "DELETE": ["/v1.41/images/livefire/canary:x?force=1", "/images/x"],
    "GET": ["/images/x/get", "/v1.41/images/a/b:1/get", "/images/get?names=x"],
}
OTHERS = {
    "POST": ["/containers/x/start", "/v1.41/auth", "/imagesx"],
    "DELETE": ["/containers/images"],
    "GET": ["/images/json", "/images/x/json", "/images/get/json", "/build", "/containers/get"],
}


@pytest.mark.parametrize(("method", "path"), [(m, path) for m, paths in IMAGES.items() for path in paths])
def test_an_event_that_tells_an_id_alone_is_its_who_asked_for_a_change_of_images(method: str, path: str) -> None:
    found = requests(request(path=path, method=method))
    assert found.of_image("sha256:1", AT) == ATTACK
    assert found.of_image("sha256:1", AT, [AT, AT, AT]) == ATTACK  # one request may take several names away
    assert found.of_image("sha256:1", AT + 2) == "background"
    assert found.of_image("box", AT) == "background"
    both = requests(request(path=path, method=method), request(OTHER, "/images/y", method="DELETE"))
    assert both.of_image("sha256:1", AT) == ambiguous(ATTACK, OTHER)
    made = requests(request(path=path, method=method), request(OTHER, image="sha256:1"))
    assert made.of_image("sha256:1", AT) == OTHER


@pytest.mark.parametrize(("method", "path"), [(m, path) for m, paths in OTHERS.items() for path in paths])
def test_what_changes_no_image_has_no_event_of_one(method: str, path: str) -> None:
    assert requests(request(path=path, method=method)).of_image("sha256:1", AT) == "background"


@pytest.mark.parametrize("action", FILE_ACTIONS)
def test_files_are_fetched_by_who_asked_for_them(action: str) -> None:
    last = "export" if action == "export" else "copy" if action == "copy" else "archive"
    named = [
        request(whose, f"/v1.41/containers/{name}/{last}?path=/etc", method=FILE_ACTIONS[action])
        for whose, name in ((ATTACK, ID[:12]), (OTHER, "web"))
    ]
    found = requests(request("T1/c"), *named)
    assert found.of_files(action, ID, "x", AT) == ATTACK
    assert found.of_files(action, "b" * 64, "web", AT) == OTHER
    assert found.of_files(action, "b" * 64, "x", AT) == "background"
    assert found.of_files(action, ID, "x", AT + 2) == "background"
    assert found.of_files(action, ID, "x", AT, [AT, AT]) == ambiguous(ATTACK)
    other = "export" if action != "export" else "extract-to-dir"
    if FILE_ACTIONS[other] != FILE_ACTIONS[action]:
        assert found.of_files(other, ID, "x", AT) == "background"


BUILD = "/v1.41/build?q=1"


def test_a_step_of_a_build_is_the_builders() -> None:
    assert requests(request("T1/c"), request(path=BUILD)).building(AT) == ATTACK
    assert requests(request(path=BUILD), request(OTHER, BUILD)).building(AT) == ambiguous(ATTACK, OTHER)
    assert requests(request(path=BUILD), all_gated=False).building(AT) == ambiguous(ATTACK)
    assert requests(request(path=BUILD)).building(AT + 2) == "background"
    assert requests(request(path="/v1.41/builder?q=1")).building(AT) == "background"
    assert requests(all_gated=False).building(AT) == "background"


def test_a_step_that_was_asked_for_by_a_connection_is_its_whose_attack_runs() -> None:
    opened = request(RUNNING, "/grpc", **NOTED)
    assert requests(opened).building(AT) == requests(opened).building(AT + 50) == RUNNING
    assert requests(opened).building(AT - 1) == "background"
    assert requests(opened).building(AT + 61) == "background"
    assert requests(request(OTHER, "/grpc")).building(AT) == "background"
    assert requests(request(RUNNING, "/session", **NOTED)).building(AT) == ambiguous(RUNNING)
    assert requests(opened, all_gated=False).building(AT) == ambiguous(RUNNING)
    assert requests(opened, request(path=BUILD)).building(AT) == ATTACK


def asked(config: dict[str, Any]) -> dict[str, Any] | None:
    return requests(request(container_id=ID, config=config)).asked_for(ID)


def test_what_was_asked_for_is_told_as_an_inspect_tells_it() -> None:
    host = {
        "Privileged": True,
        "Binds": ["/etc:/host:ro,z", "/var:/var", "volume:/v", "/only"],
        "Mounts": [
            {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True},
            {"Type": "bind", "Source": "/c", "Target": "/d"},
            {"Type": "volume", "Source": "v", "Target": "/e"},
            "no mount",
        ],
    }
    config = {"Image": "box", "HostConfig": host}
    assert asked(config) == {
        "Config": config,
        "HostConfig": host,
        "Mounts": [
            {"Source": "/etc", "Destination": "/host", "RW": False},
            {"Source": "/var", "Destination": "/var", "RW": True},
            {"Source": "/only", "Destination": "", "RW": True},
            {"Source": "/a", "Destination": "/b", "RW": False},
            {"Source": "/c", "Destination": "/d", "RW": True},
        ],
    }


@pytest.mark.parametrize("host", [{}, {"Binds": 5, "Mounts": 5}, {"Binds": None, "Mounts": None}])
def test_of_a_host_configuration_without_mounts_none_is_told(host: dict[str, Any]) -> None:
    assert asked({"HostConfig": host}) == {"Config": {"HostConfig": host}, "HostConfig": host, "Mounts": []}


def test_one_that_is_none_is_empty() -> None:
    assert asked({"HostConfig": 5}) == {"Config": {"HostConfig": 5}, "HostConfig": {}, "Mounts": []}
    assert requests(request(container_id=ID), request(config={"Image": "box"})).asked_for(ID) is None
    assert requests(request(config={"Image": "box"})).asked_for("") is None
