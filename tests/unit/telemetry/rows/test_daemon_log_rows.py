"""The Docker daemon's log and events as rows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recording import open_recording
from harness.telemetry.attribution import Attribution
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.rows.daemon_event_rows import event_rows
from harness.telemetry.rows.daemon_log_rows import LogRows, parse_logfmt
from harness.telemetry.schema import ambiguous
from tests.conftest import COMMITTED

MANIFEST = open_recording(COMMITTED).manifest
TIME = "2026-11-24T10:00:00.500000000Z"
ID = "a" * 64


def request(sent: float, atomic: str = "T1/a", container: str = ID) -> DockerRequest:
    return DockerRequest(atomic, sent, sent + 0.1, "POST", "/v1.41/containers/create", 201, container)


def rows(
    lines: list[str], *requests: DockerRequest, inspected: dict[str, dict[str, object]] | None = None
) -> list[dict[str, object]]:
    attribution = Attribution(MANIFEST, list(requests))
    log = LogRows("raw/docker-daemon.log", attribution, inspected or {})
    return list(log.rows([f"{line}\n".encode() for line in lines], lambda _: None))


def create(privileged: bool, at: str = TIME) -> list[str]:
    body = json.dumps({"Image": "i", "Cmd": ["id"], "Env": ["K=v"], "HostConfig": {"Privileged": privileged}})
    return [
        f'time="{at}" level=debug msg="Calling POST /v1.41/containers/create"',
        f'time="{at}" level=debug msg={json.dumps("form data: " + body)}',
    ]


EPOCH = 1795514400.45  # just before TIME


def test_a_create_is_tied_to_the_request_that_was_under_way() -> None:
    row = rows(create(True), request(EPOCH))[1]
    assert (row["_Slice"], row["ContainerId"], row["Privileged"], row["Command"]) == ("T1/a", ID, True, "id")
    assert "v" not in json.dumps(row["Body"]["Env"])  # type: ignore[index]


def test_a_create_outside_of_every_request_is_background() -> None:
    assert rows(create(True), request(EPOCH - 60))[1]["_Slice"] == "background"
    assert rows(create(True))[1]["_Slice"] == "background"


def test_of_two_creates_in_one_moment_the_configuration_decides() -> None:
    inspect: dict[str, object] = {"Config": {"Image": "i", "Cmd": ["id"]}, "HostConfig": {"Privileged": False}}
    found = rows(create(True) + create(False), request(EPOCH), inspected={ID: inspect})
    assert [row["_Slice"] for row in found if row["Action"] == "create"] == ["background", "T1/a"]


def test_of_two_creates_that_are_alike_and_one_that_was_noted_none_is_guessed() -> None:
    """Whose is which can't be told, neither of the calls nor of their bodies."""
    found = rows(create(True) + create(True), request(EPOCH))
    assert [row["_Slice"] for row in found] == [ambiguous("T1/a")] * 4
    assert {row["ContainerId"] for row in found} == {""}


def test_all_creates_that_are_alike_were_noted() -> None:
    both = [request(EPOCH), request(EPOCH + 0.01, container="b" * 64)]
    found = [row for row in rows(create(True) + create(True), *both) if row["Action"] == "create"]
    assert {row["_Slice"] for row in found} == {"T1/a"}
    assert {row["ContainerId"] for row in found} == {ID, "b" * 64}


def test_a_create_that_failed_was_noted_too() -> None:
    """As where the image has to be pulled first."""
    failed = replace(request(EPOCH, container=""), status=404)
    asked = replace(request(EPOCH + 0.01), config={"Image": "i", "Cmd": ["id"], "HostConfig": {"Privileged": True}})
    found = rows(create(True) + create(True), failed, asked)
    assert [row["_Slice"] for row in found] == ["T1/a"] * 4


def test_two_calls_that_are_alike_are_counted_whatever_they_ask_for() -> None:
    call = f'time="{TIME}" level=debug msg="Calling POST /v1.41/containers/{ID}/exec"'
    noted = DockerRequest("T1/a", EPOCH, EPOCH + 0.1, "POST", f"/v1.41/containers/{ID}/exec", 201, "", peer={"pid": 1})
    assert [row["_Slice"] for row in rows([call], noted)] == ["T1/a"]
    assert [row["_Slice"] for row in rows([call, call], noted)] == [ambiguous("T1/a")] * 2
    assert [row["_Slice"] for row in rows([call, call], noted, noted)] == ["T1/a"] * 2
    stranger = replace(noted, atomic="background")
    assert [row["_Slice"] for row in rows([call, call], noted, stranger)] == [ambiguous("T1/a")] * 2


MARK = next(mark for sensor in MANIFEST.sensors if sensor.name == "docker_daemon" for mark in sensor.marks)


@pytest.mark.parametrize(
    ("call", "whose"),
    [
        (f"POST /v1.41/images/i:x/tag?repo=livefire%2Fcanary&tag={MARK.token}", "harness"),
        (f"DELETE /v1.41/images/livefire/canary:{MARK.token}?force=False", "harness"),
        (f"POST /v1.41/images/i:x/tag?repo=other&tag={MARK.token}", "background"),
        (f"POST /v1.41/images/i:x/tag?repo=livefire%2Fcanary&tag={MARK.token}x", "background"),
        (f"POST /v1.41/containers/create?name={MARK.token}", "background"),
        (f"POST /v1.41/containers/{MARK.token}/start", "background"),
    ],
)
def test_a_token_is_a_canary_only_where_livefire_puts_it(call: str, whose: str) -> None:
    at = (MARK.emitted.timestamp() + MARK.seen.timestamp()) / 2 if MARK.seen else 0.0
    line = 'time="{}" level=debug msg="Calling {}"'
    stamp = datetime.fromtimestamp(at, UTC).isoformat()
    assert [row["_Slice"] for row in rows([line.format(stamp, call)])] == [whose]
    later = datetime.fromtimestamp(at + 60, UTC).isoformat()
    assert [row["_Slice"] for row in rows([line.format(later, call)])] == ["background"]
    create_ = f'time="{stamp}" level=debug msg="container {MARK.token} mounted {MARK.token}"'
    assert [row["_Slice"] for row in rows([create_])] == ["background"]


@pytest.mark.parametrize(
    ("kind", "attributes", "seconds", "whose"),
    [
        ("image", {"name": f"livefire/canary:{MARK.token}"}, 0, "harness"),
        ("image", {"name": f"livefire/canary:{MARK.token}"}, 60, "background"),
        ("image", {"name": f"x/canary:{MARK.token}"}, 0, "background"),
        ("image", {"name": "i", "label": MARK.token}, 0, "background"),
        ("container", {"name": f"livefire/canary:{MARK.token}"}, 0, "background"),
    ],
)
def test_an_events_token_is_a_canary_only_as_its_images_name(
    kind: str, attributes: dict[str, str], seconds: float, whose: str
) -> None:
    event = {"Type": kind, "Action": "tag", "timeNano": int((MARK.emitted.timestamp() + seconds) * 1e9)}
    line = json.dumps({"event": event | {"Actor": {"ID": "x", "Attributes": attributes}}}).encode()
    found, _ = event_rows([line], "f", Attribution(MANIFEST, []), lambda _: None)
    assert [row["_Slice"] for row in found] == [whose]


def test_the_newer_form_of_the_log_is_read_too() -> None:
    body = json.dumps({"Image": "i", "HostConfig": {"Privileged": True, "NetworkMode": "host"}})
    line = (
        f'time="{TIME}" level=debug msg="handling POST request" form-data={json.dumps(body)} method=POST '
        "module=api request-url=/v1.47/containers/create"
    )
    row = rows([line], request(EPOCH))[0]
    assert (row["Action"], row["Privileged"], row["NetworkMode"], row["_Slice"]) == ("create", True, "host", "T1/a")


@given(st.text())
def test_logfmt_values_survive_quoting(value: str) -> None:
    assert parse_logfmt(f'time="x" msg={json.dumps(value)} level=debug')["msg"] == value


@given(st.lists(st.binary()))
def test_no_log_line_and_no_event_breaks_the_reader(lines: list[bytes]) -> None:
    attribution = Attribution(MANIFEST, [])
    list(LogRows("f", attribution, {}).rows(lines, lambda _: None))
    event_rows(lines, "f", attribution, lambda _: None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["Type", "Action", "Actor", "timeNano"]), json_values), json_values)
def test_no_shape_of_an_event_breaks_the_reader(event: dict[str, object], inspect: object) -> None:
    line = json.dumps({"received": 1, "event": event, "inspect": inspect}).encode()
    event_rows([line], "f", Attribution(MANIFEST, []), lambda _: None)


def test_what_was_asked_for_stands_in_for_an_inspect_that_came_too_late() -> None:
    event = {"Type": "container", "Action": "create", "timeNano": 1795514400000000000}
    event |= {"Actor": {"ID": ID, "Attributes": {"image": "i", "name": "n"}}}
    line = json.dumps({"event": event, "inspect": None}).encode()
    host = {"Privileged": True, "NetworkMode": "host", "Binds": ["/:/host:ro"]}
    asked = replace(request(EPOCH), config={"Image": "i", "Cmd": ["id"], "HostConfig": host})
    found, inspected = event_rows([line], "f", Attribution(MANIFEST, [asked]), lambda _: None)
    assert [(row["Source"], row["Message"]) for row in found] == [
        ("event", "container create"),
        ("inspect", "container create, as requested"),
    ]
    assert (found[1]["Privileged"], found[1]["NetworkMode"], found[1]["Command"]) == (True, "host", "id")
    assert inspected[ID]["Mounts"] == [{"Source": "/", "Destination": "/host", "RW": False}]
    assert len(event_rows([line], "f", Attribution(MANIFEST, [request(EPOCH)]), lambda _: None)[0]) == 1


def test_an_event_and_its_inspect_give_a_row_each() -> None:
    event = {"Type": "container", "Action": "create", "timeNano": 1795514400000000000}
    event |= {"Actor": {"ID": ID, "Attributes": {"image": "i", "name": "n"}}}
    inspect = {"Config": {"Image": "i", "Cmd": ["id"]}, "HostConfig": {"NetworkMode": "host", "Binds": ["/:/host"]}}
    line = json.dumps({"event": event, "inspect": inspect}).encode()
    found, _ = event_rows([line], "f", Attribution(MANIFEST, [request(EPOCH)]), lambda _: None)
    assert [row["Source"] for row in found] == ["event", "inspect"]
    assert found[1]["Binds"] == ["/:/host"]
    assert {row["_Slice"] for row in found} == {"T1/a"}


@pytest.mark.parametrize(
    ("path", "at", "whose"),
    [
        (f"/v1.41/containers/{ID[:12]}/archive?path=/etc", EPOCH + 0.05, "T1/b"),
        ("/v1.41/containers/n/archive?path=/etc", EPOCH + 0.05, "T1/b"),
        ("/v1.41/containers/other/archive?path=/etc", EPOCH + 0.05, "background"),
        ("/v1.41/containers/n/json", EPOCH + 0.05, "background"),
        ("/v1.41/containers/n/archive?path=/etc", EPOCH + 9, "background"),
    ],
)
def test_files_fetched_from_a_container_go_with_who_asked_for_them(path: str, at: float, whose: str) -> None:
    """The container is T1/a's; that says nothing of who reads in it."""
    asked = DockerRequest("T1/b", EPOCH, EPOCH + 0.1, "GET", path, 200, "")
    event = {"Type": "container", "Action": "archive-path", "timeNano": int(at * 1e9)}
    line = json.dumps({"event": event | {"Actor": {"ID": ID, "Attributes": {"name": "n"}}}}).encode()
    found, _ = event_rows([line], "f", Attribution(MANIFEST, [request(EPOCH), asked]), lambda _: None)
    assert [row["_Slice"] for row in found] == [whose]


def pulled(at: float, name: str = "r/box:x") -> bytes:
    actor = {"ID": name, "Attributes": {"name": "r/box"}}
    event = {"Type": "image", "Action": "pull", "timeNano": int(at * 1e9), "Actor": actor}
    return json.dumps({"event": event}).encode()


def test_the_event_of_an_image_goes_with_the_request_that_made_it_and_a_decoy_s_does_not() -> None:
    own = DockerRequest(
        "T1/a", EPOCH, EPOCH + 0.1, "POST", "/images/create?fromImage=r/box&tag=x", 200, "", image="r/box:x"
    )
    lines = [pulled(EPOCH + 0.05, "r/other:x"), pulled(EPOCH + 0.05), pulled(EPOCH + 9)]
    found, _ = event_rows(lines, "f", Attribution(MANIFEST, [own, request(EPOCH)]), lambda _: None)
    assert [row["_Slice"] for row in found] == ["background", "T1/a", "background"]
    assert found[1]["Action"] == "pull"
    found, _ = event_rows([*lines, pulled(EPOCH + 0.06)], "f", Attribution(MANIFEST, [own]), lambda _: None)
    assert [row["_Slice"] for row in found] == ["background", ambiguous("T1/a"), "background", ambiguous("T1/a")]


@pytest.mark.parametrize(
    ("kind", "action", "attributes"),
    [
        ("container", "exec_create: sh", {"execID": "f" * 64}),
        ("container", "archive-path", {"name": "x"}),
        ("container", "create", {}),
        ("image", "tag", {"name": "evil"}),
        ("network", "create", {"name": "n"}),
        ("volume", "create", {}),
    ],
)
def test_an_event_past_all_gateways_may_be_the_attacks_that_runs(
    kind: str, action: str, attributes: dict[str, str]
) -> None:
    (detonation,) = [each for each in MANIFEST.detonations if each.attack][:1]
    assert detonation.attack
    noted = DockerRequest("x", 1.0, 2.0, "GET", "/info", 200, "", peer={"pid": 1, "started": 1.0})
    started, finished = detonation.attack.started.timestamp(), detonation.attack.finished.timestamp()
    for at, whose in ((started, ambiguous(detonation.atomic)), (finished + 3600, "background")):
        actor = {"ID": ID, "Attributes": attributes}
        event = {"Type": kind, "Action": action, "timeNano": int(at * 1e9), "Actor": actor}
        line = json.dumps({"event": event}).encode()
        attribution = Attribution(MANIFEST, [noted], daemon_events=[line])
        assert [row["_Slice"] for row in event_rows([line], "f", attribution, lambda _: None)[0]] == [whose]


def test_what_the_environment_holds_is_nowhere_in_a_row() -> None:
    body = json.dumps({"Image": "i", "Env": ["K=hunter2"], "HostConfig": {}})
    old = f'time="{TIME}" level=debug msg={json.dumps("form data: " + body)}'
    cut = f'time="{TIME}" level=debug msg={json.dumps("form data: " + body[:-3])}'
    new = f'time="{TIME}" msg="handling POST request" form-data={json.dumps(body)} method=POST request-url=/x/create'
    found = rows([old, cut, new])
    assert len(found) == 3
    assert "hunter2" not in json.dumps(found)


def test_another_request_may_stand_between_a_create_and_its_body() -> None:
    call, body = create(True)
    row = rows([call, f'time="{TIME}" level=debug msg="Calling GET /version"', body], request(EPOCH))[2]
    assert (row["Action"], row["Privileged"], row["_Slice"]) == ("create", True, "T1/a")


def test_of_two_unlike_creates_none_is_guessed_when_there_is_no_inspect() -> None:
    found = rows(create(True) + create(False), request(EPOCH))
    assert {row["_Slice"] for row in found if row["Action"] == "create"} == {ambiguous("T1/a")}


def test_the_network_tells_creates_apart_too() -> None:
    def on(network: str) -> str:
        body = json.dumps({"Image": "i", "Cmd": ["id"], "HostConfig": {"NetworkMode": network}})
        return f'time="{TIME}" level=debug msg={json.dumps("form data: " + body)}'

    inspect: dict[str, object] = {"Config": {"Image": "i", "Cmd": ["id"]}, "HostConfig": {"NetworkMode": "bridge"}}
    found = rows([on("host"), on("default")], request(EPOCH), inspected={ID: inspect})
    assert [row["_Slice"] for row in found] == ["background", "T1/a"]


@given(st.dictionaries(st.sampled_from(["Image", "HostConfig", "Env", "Cmd", "Config"]), json_values))
def test_no_shape_of_a_body_breaks_the_reader(body: dict[str, object]) -> None:
    call = f'time="{TIME}" level=debug msg="Calling POST /v1.41/containers/create"'
    line = f'time="{TIME}" level=debug msg={json.dumps("form data: " + json.dumps(body))}'
    rows([call, line], inspected={ID: body})
