"""Which record of the Docker daemon's lacks what another has."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judge.health.agreement import Disagreement, disagreements
from harness.judge.health.disagreement import matched
from harness.judge.health.health import Health
from harness.judge.prove import prove
from harness.model.manifest import Manifest
from harness.model.verdict import Verdict
from harness.recording import Recording, layout, open_recording
from harness.telemetry.attribution.twins import SLACK
from tests.conftest import COMMITTED, MAIN_JOB, PROJECT, Resealed
from tests.soundness.draft import expectations

LOG, REQUESTS, EVENTS = layout.DAEMON_LOG, layout.DAEMON_REQUESTS, layout.DAEMON_EVENTS
CREATE, ID = "/v1.41/containers/create", "d" * 64
EXECUTION = "T1059.013/docker-container-execution"
START = 1795521324.6  # within the attack of EXECUTION, whose container starts at .548
Text = str | list[str]


def request(method: str, path: str, status: int = 200, sent: float = START, **more: Any) -> str:
    told = {"atomic": EXECUTION, "sent": sent, "answered": sent + 0.01, "method": method, "path": path}
    return json.dumps(told | {"status": status, "container_id": None} | more)


def logged(method: str, uri: str, at: float = START + 0.004) -> str:
    return f'time="{moment(at)}" level=debug msg="Calling {method} {uri}"'


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def event(action: str, at: float = START + 0.004, attributes: dict[str, str] | None = None) -> str:
    actor = {"ID": ID, "Attributes": {"name": "box"} | (attributes or {})}
    return json.dumps({"event": {"Type": "container", "Action": action, "Actor": actor, "timeNano": int(at * 1e9)}})


Asked = Callable[..., list[str]]


@pytest.fixture
def told(committed: Recording) -> Asked:
    """What is told of the lines of three records, where the gateways noted everything (or not)."""

    def ask(requests: Text = "", log: Text = "", events: Text = "", **more: Any) -> list[str]:
        return [each.text for each in told_of(having(committed.manifest, **more), requests, log, events)]

    return ask


def told_of(manifest: Manifest, requests: Text, log: Text, events: Text) -> list[Disagreement]:
    lines = {REQUESTS: requests, LOG: log, EVENTS: events}
    joined = {name: "\n".join([text] if isinstance(text, str) else text) for name, text in lines.items()}
    raw = {name: text.encode(errors="surrogateescape") for name, text in joined.items()}
    return disagreements(lambda name: raw[name], manifest)


def having(
    manifest: Manifest, files: tuple[str, ...] = (EVENTS, REQUESTS, LOG), kind: str | None = "managed"
) -> Manifest:
    sensors = [each.model_copy(update={"files": list(files)}) for each in manifest.sensors]
    docker = manifest.lab.docker.model_copy(update={"kind": kind}) if manifest.lab.docker and kind else None
    lab = manifest.lab.model_copy(update={"docker": docker})
    return manifest.model_copy(update={"sensors": sensors, "lab": lab})


def test_each_disagreement_has_its_moment_and_they_are_told_in_that_order(committed: Recording) -> None:
    other = "c" * 64
    made = request("POST", CREATE, 201, START + 2, container_id=other, body_bytes=2)
    found = told_of(
        having(committed.manifest),
        [request("GET", "/a", sent=START + 1), made],
        [logged("POST", CREATE, START + 2.004), logged("GET", "/b", START + 3)],
        [event("create", START + 4), event("start", START), event("start", START + 5), event("destroy", START + 6)],
    )
    assert [(round(each.at - START, 3), each.text) for each in found] == [
        (1, f"{LOG} lacks the line of GET /a, which {REQUESTS} has"),
        (2, f"{LOG} lacks the body of a request for a container, which {REQUESTS} has"),
        (2, f"{EVENTS} lacks the create of container {other[:12]}, which {REQUESTS} has"),
        (3, f"{REQUESTS} lacks GET /b, which {LOG} has"),
        (4, f"{REQUESTS} lacks the request for container {ID[:12]}, which {EVENTS} has"),
        (5, f"{EVENTS} lacks the die of container {ID[:12]}, which was removed"),
    ]


def test_lines_that_tell_nothing_hide_no_other(told: Asked) -> None:
    timeless = [
        'msg="Calling GET /x"',
        'time="\udcff" msg="Calling GET /x"',
        'msg="handling GET request" method=GET',
        f'time="{moment(START)}" msg="x"',
    ]
    untold = ["", '{"container"', event("create").replace('"timeNano"', '"x"'), event("create").replace("ner", "x", 1)]
    asked = request("POST", CREATE, 201, container_id=ID, body_bytes=5000)
    assert told(["", "{", asked], [*timeless, logged("POST", CREATE)], [*untold, event("create")]) == []


def test_what_was_noted_and_logged_agrees(told: Asked) -> None:
    assert told(request("GET", "/v1.41/networks"), logged("GET", "/v1.41/networks")) == []


def test_a_request_that_was_not_logged(told: Asked) -> None:
    lacks = f"{LOG} lacks the line of GET /v1.41/networks, which {REQUESTS} has"
    assert told(request("GET", "/v1.41/networks")) == [lacks]
    assert told(request("GET", "/v1.41/networks"), logged("GET", "/v1.41/networks", START + 5))[0] == lacks
    assert told(request("GET", "/v1.41/networks"), logged("GET", "/v1.41/volumes"))[0] == lacks
    assert told([request("GET", "/v1.41/networks")] * 2, logged("GET", "/v1.41/networks")) == [lacks]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET", "HEAD"])
def test_a_call_that_was_not_noted(told: Asked, method: str) -> None:
    lacks = f"{REQUESTS} lacks {method} /v1.41/networks/x, which {LOG} has"
    assert told("", logged(method, "/v1.41/networks/x")) == [lacks]
    assert told(request(method, "/v1.41/networks/x"), [logged(method, "/v1.41/networks/x")] * 2) == [lacks]


def test_a_long_call_is_cut(told: Asked) -> None:
    long = f"/x?{'y' * 93}"
    assert told("", logged("GET", long)) == [f"{REQUESTS} lacks GET {long}, which {LOG} has"]
    assert told("", logged("GET", f"{long}z")) == [f"{REQUESTS} lacks GET {long}…, which {LOG} has"]


@pytest.mark.parametrize("path", ["/_ping", "/v1.41/info", "/version", "/v1.41/events", f"/v1.41/containers/{ID}/json"])
def test_livefire_looks_at_the_daemon_past_the_gateways(told: Asked, path: str) -> None:
    assert told("", logged("GET", path)) == []
    assert told("", logged("POST", path)) != []
    assert told("", logged("HEAD", path)) != []
    assert told(request("GET", path)) != []  # but what a gateway noted was logged


@pytest.mark.parametrize("status", [0, 400, 404])
def test_the_daemon_logs_nothing_of_what_it_can_t_read_or_route(told: Asked, status: int) -> None:
    assert told(request("POST", "/nowhere", status)) == []
    assert told(request("POST", CREATE, status), logged("POST", CREATE)) == []


def test_what_is_not_there_was_looked_for(told: Asked) -> None:
    """A path that no release routes is answered by 404, too."""
    for method, path in [
        ("POST", "/v1.41/containers/x/start"),
        ("DELETE", "/networks/x"),
        ("POST", f"{CREATE}?name=a"),
    ]:
        assert told(request(method, path, 404)) != []
    for method, path in [("POST", "/v1.41/containers/json"), ("DELETE", "/exec/x"), ("POST", "/containers/x/y/start")]:
        assert told(request(method, path, 404)) == []
    assert told(request("OPTIONS", "*")) == []


@pytest.mark.parametrize("status", [101, 201, 204, 304, 403, 409, 500, 503])
def test_it_logs_what_it_routes(told: Asked, status: int) -> None:
    assert told(request("POST", "/somewhere", status)) != []


def test_releases_that_log_fields(told: Asked) -> None:
    line = f'time="{moment(START + 0.004)}" level=debug msg="handling POST request" method=POST module=api '
    line += f'request-url="{CREATE}?name=a" vars="map[version:1.47]"'
    asked = request("POST", f"{CREATE}?name=a", 409)
    assert told(asked, line) == []
    assert told("", line) == [f"{REQUESTS} lacks POST {CREATE}?name=a, which {LOG} has"]
    error = line.replace("handling POST request", "error response for POST request")
    assert told(asked, [line, error]) == []


@pytest.mark.parametrize(
    ("noted", "line"),
    [
        ('/x?a="b"', r"/x?a=\"b\""),
        ("/x?a=b\\c", r"/x?a=b\\c"),
        ("/x?a=\x01\x9f", r"/x?a=\x01\x9f"),
        ("/x?a=Ã©", "/x?a=é"),  # noted byte by byte
    ],
)
def test_odd_characters_are_escaped_in_one_record_and_not_in_the_other(told: Asked, noted: str, line: str) -> None:
    assert told(request("POST", noted), logged("POST", line)) == []


def test_where_only_attacks_were_noted_only_they_are_missed(told: Asked, committed: Recording) -> None:
    attacks = [each.attack for each in committed.manifest.detonations if each.attack]
    first, last = attacks[0].started.timestamp(), attacks[-1].finished.timestamp()
    calls = [logged("POST", CREATE, at) for at in (first - 1e-4, first, START, last, last + 1e-4)]
    assert len(told("", calls)) == 5
    assert len(told("", calls, files=(EVENTS, LOG))) == 3


def test_what_is_not_recorded_vouches_for_nothing(told: Asked) -> None:
    asked, created = request("POST", CREATE, 201, container_id=ID), event("create", at=START + 9)
    assert told(asked, files=()) == []
    assert told(asked, files=(REQUESTS, EVENTS)) == [
        f"{EVENTS} lacks the create of container {ID[:12]}, which {REQUESTS} has"
    ]
    for kind in ("host", None):  # others use a daemon that isn't ours
        assert told(request("GET", "/x"), logged("GET", "/x"), created, kind=kind) == []
        assert told("", logged("POST", CREATE), kind=kind) == []


def test_without_the_sensor_there_is_nothing_to_compare(committed: Recording) -> None:
    bare = committed.manifest.model_copy(update={"sensors": []})
    assert disagreements(lambda _: logged("POST", CREATE).encode(), bare) == []


@pytest.mark.parametrize(
    ("asked", "action", "attributes", "missing"),
    [
        (request("POST", CREATE, 201, container_id=ID), "create", {}, f"create of container {ID[:12]}"),
        (request("POST", "/containers/x/exec", 201, exec_id="e"), "exec_create:", {"execID": "e"}, "exec_create of e"),
        (request("POST", f"/exec/{ID}/start", 101), "exec_start: a", {"execID": ID}, f"exec_start of {ID[:12]}"),
        (request("POST", f"/exec/{ID}/start", 200), "exec_start: a", {"execID": ID}, f"exec_start of {ID[:12]}"),
        (request("POST", f"/v1.41/containers/{ID}/start", 204), "start", {}, f"start of container {ID[:12]}"),
        (request("POST", "/v1.41/containers/box/start", 204), "start", {}, "start of container box"),
        (request("DELETE", "/containers/ddd?force=1", 204), "destroy", {}, "destroy of container ddd"),
    ],
)
def test_what_was_granted_has_its_event(
    told: Asked, asked: str, action: str, attributes: dict[str, str], missing: str
) -> None:
    files = (REQUESTS, EVENTS)
    lacks = [f"{EVENTS} lacks the {missing}, which {REQUESTS} has"]
    there = [event("create", at=START), event(action, attributes=attributes)]
    assert told(asked, events=there[action == "create" :], files=files, kind="host") == []
    assert told(asked, events=there[: action != "create"], files=files, kind="host") == lacks
    other = event(action, attributes=attributes).replace(ID, "c" * 64).replace('"box"', '"crate"').replace('"e"', '"f"')
    assert told(asked, events=other, files=files, kind="host") == lacks


@pytest.mark.parametrize(("after", "same"), [(-0.006, False), (-0.004, True), (0.014, True), (0.016, False)])
def test_an_event_of_another_time_is_another_start_s(told: Asked, after: float, same: bool) -> None:
    """The daemon tells of it before it answers, which was 10 ms later."""
    asked = request("POST", "/containers/box/start", 204)
    events = [event("start", START + after), event("start", START - 50)]
    assert (told(asked, events=events, files=(EVENTS,)) == []) is same


@pytest.mark.parametrize("status", [304, 404, 409, 500])
def test_what_was_refused_has_no_event(told: Asked, status: int) -> None:
    assert told(request("POST", "/containers/box/start", status), events="", files=(EVENTS,)) == []


def test_what_was_started_and_removed_has_ended(told: Asked) -> None:
    start, die, removed = event("start"), event("die", START + 1), event("destroy", START + 2)
    lacks = [f"{EVENTS} lacks the die of container {ID[:12]}, which was removed"]
    assert told(events=[start, removed], files=(EVENTS,)) == lacks
    assert told(events=[start, die, start, removed], files=(EVENTS,)) == lacks
    for sound in ([start, die, removed], [start, die, start, die, removed], [die, removed], [removed], [start]):
        assert told(events=sound, files=(EVENTS,)) == []


BODY = f'time="{moment(START + 0.004)}" level=debug msg="form data: {{\\"HostConfig\\":{{}},\\"Image\\":\\"x\\"}}"'
FIELD = logged("POST", CREATE) + r' form-data="{\"Image\":\"x\"}"'


@pytest.mark.parametrize(
    ("size", "config", "host", "due"),
    [
        (2, None, {}, True),
        (4095, None, {}, True),
        (4096, {"Cmd": ["a"]}, {}, False),
        (None, {"Cmd": ["a"], "Env": ["PATH=***"]}, {}, True),
        (None, {"Cmd": ["a" * 2000]}, {"Binds": ["b" * 2000]}, False),
        (None, {"Env": ["PATH=***", "A=***"]}, {}, False),
        (None, {"Cmd": ["a" * 3078], "Env": None}, {}, False),
        (None, {"Cmd": ["a" * 3078]}, {}, True),  # with the keys around it 3095, which leaves 1000 for blanks and such
        (None, {"Cmd": ["a" * 3079]}, {}, False),
        (None, {"Env": None}, {}, True),
        (None, {"Env": "PATH=***"}, {}, False),
        (None, "x", {}, False),
        (None, None, {}, False),
    ],
)
def test_a_short_body_is_logged(told: Asked, size: int | None, config: Any, host: dict[str, Any], due: bool) -> None:
    asked = request("POST", CREATE, 201, container_id=ID, body_bytes=size)
    inspect = {"Config": config, "HostConfig": host} if config else None
    made = json.dumps(json.loads(event("create")) | {"inspect": inspect})
    lacks = [f"{LOG} lacks the body of a request for a container, which {REQUESTS} has"]
    assert told(asked, logged("POST", CREATE), made) == (lacks if due else [])
    assert told(asked, [logged("POST", CREATE), BODY], made) == []
    assert told(asked, FIELD, made) == []
    assert told(request("POST", CREATE, 409, body_bytes=size), logged("POST", CREATE)) == []  # it may have had none


@pytest.mark.parametrize("odd", [{}, [], 7, True, None, "x"])
def test_odd_values_break_nothing(told: Asked, odd: Any) -> None:
    """They are damage, of which others tell."""
    asked = request("POST", CREATE, 201, container_id=ID)
    for key in ("Action", "Actor", "timeNano"):
        line = json.loads(event("create"))
        line["event"][key] = odd
        assert told(asked, logged("POST", CREATE), json.dumps(line)) is not None
    for key in ("ID", "Attributes"):
        line = json.loads(event("create"))
        line["event"]["Actor"][key] = odd
        assert told(asked, logged("POST", CREATE), json.dumps(line)) is not None
    for key in ("name", "execID", "com.docker.swarm.service.id"):
        line = json.loads(event("create"))
        line["event"]["Actor"]["Attributes"][key] = odd
        assert told(asked, logged("POST", CREATE), json.dumps(line)) == []
    for inspect in (odd, {"Config": odd, "HostConfig": {}}, {"Config": {"Env": odd}, "HostConfig": odd}):
        told(asked, logged("POST", CREATE), json.dumps(json.loads(event("create")) | {"inspect": inspect}))


def test_ids_are_short(told: Asked) -> None:
    assert told("", logged("POST", f"/containers/{ID}/kill")) == [
        f"{REQUESTS} lacks POST /containers/{ID[:12]}/kill, which {LOG} has"
    ]


def test_a_container_that_nobody_asked_for(told: Asked) -> None:
    files, made = (REQUESTS, EVENTS), event("create")
    assert told("", events=made, files=files) == [
        f"{REQUESTS} lacks the request for container {ID[:12]}, which {EVENTS} has"
    ]
    assert told("", events=event("start"), files=files) == []  # the daemon itself starts some anew
    assert told("", events=event("create", attributes={"com.docker.swarm.service.id": "s"}), files=files) == []
    assert told(request("GET", "/networks"), events=made.replace(ID, ""), files=files) == [
        f"{REQUESTS} lacks the request for container , which {EVENTS} has"
    ]
    for path in ("/v1.41/build?t=x", "/grpc", "/v1.41/session"):
        assert told(request("POST", path), events=made, files=files) == []
    assert told(request("POST", "/v1.41/images/create"), events=made, files=files) != []
    other = request("POST", CREATE, 201, container_id="c" * 64)
    assert told(other, events=[made, made.replace(ID, "c" * 64)], files=files) != []
    assert told(request("POST", CREATE, 0), events=made, files=files) == []  # nobody saw the answer
    assert told(request("POST", CREATE, 0, sent=START - 9), events=made, files=files) != []


@pytest.mark.parametrize(
    ("moments", "empty", "lone"),
    [
        ([1 - SLACK], [(2, 3)], []),
        ([9 + SLACK], [(2, 3)], []),
        ([1 - 2 * SLACK, 9 + 2 * SLACK], [(1, 9), (2, 3)], [1 - 2 * SLACK, 9 + 2 * SLACK]),
        ([2.5], [(1, 9)], []),
        ([5], [(2, 3)], []),
        ([0.5], [(1, 9), (2, 3)], [0.5]),
    ],
)
def test_a_moment_goes_with_the_window_in_which_it_is_and_which_ends_first(
    moments: list[float], empty: list[tuple[float, float]], lone: list[float]
) -> None:
    left = matched([(1, 9), (2, 3)], moments)
    assert (sorted(left[0]), left[1]) == (empty, lone)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6), st.lists(st.integers(0, 19), max_size=6))
def test_no_other_way_to_match_leaves_fewer_alone(spans: list[tuple[int, int]], moments: list[int]) -> None:
    windows = [(float(sent), float(sent + length)) for sent, length in spans]
    empty, lone = matched(windows, map(float, moments))
    assert len(windows) - len(empty) == len(moments) - len(lone) == most(windows, moments)


def most(windows: list[tuple[float, float]], moments: list[int]) -> int:
    """By trying all."""
    if not moments:
        return 0
    at, *rest = moments
    taken = [n for n, (sent, answered) in enumerate(windows) if sent <= at <= answered]
    return max([most(windows, rest), *(1 + most(windows[:n] + windows[n + 1 :], rest) for n in taken)])


@given(st.binary(), st.binary(), st.binary())
def test_any_bytes_are_read(requests: bytes, log: bytes, events: bytes) -> None:
    raw = {REQUESTS: requests, LOG: log + b' msg="Calling ' + requests, EVENTS: events}
    manifest = having(open_recording(COMMITTED).manifest)
    assert all(isinstance(each, Disagreement) for each in disagreements(lambda name: raw[name], manifest))


@pytest.mark.parametrize("name", ["docker-and-control-plane", "first-tables", "whole-technique"])
def test_the_records_of_a_real_recording_agree(name: str) -> None:
    recording = open_recording(PROJECT / "tests/recordings" / name)
    assert disagreements(lambda file: layout.read(recording.path, file), recording.manifest) == []


def health(recording: Recording) -> dict[str, list[str]]:
    found = Health.of(recording.path, recording.manifest)
    return {each.atomic: found.around(each, "docker_daemon").problems for each in recording.manifest.detonations}


def test_what_is_missing_costs_the_atomic_around_which_it_is(resealed: Resealed) -> None:
    first, second, third = MAIN_JOB
    asked = json.loads((COMMITTED / REQUESTS).read_text().splitlines()[5])
    assert asked["atomic"] == second
    path = asked["path"].replace(asked["container_id"] or "-", (asked["container_id"] or "-")[:12])
    lacks = f"docker_daemon: {LOG} lacks the line of {asked['method']} {path}, which {REQUESTS} has"
    at = moment(asked["sent"])[:22]  # to the hundredth
    line = f"Calling {asked['method']} {asked['path']}"
    lost = resealed({LOG: lambda lines: [each for each in lines if line not in each or at not in each]})
    assert health(lost) == {first: [], second: [lacks], third: []}


def test_three_are_told_of_many(resealed: Resealed) -> None:
    lost = resealed({LOG: lambda lines: [each for each in lines if "livefire-canary-" in each]})
    assert {atomic: len(told) for atomic, told in health(lost).items()} == dict(zip(MAIN_JOB, (3, 3, 0), strict=True))


@pytest.mark.parametrize("file", [LOG, REQUESTS])
@pytest.mark.parametrize(
    "keep",
    [lambda lines: lines[9:], lambda lines: lines[::2], lambda lines: lines[:4]],
    ids=["without its first lines", "with every second line", "with its first lines"],
)
def test_a_record_that_lost_lines_is_no_evidence(
    resealed: Resealed, file: str, keep: Callable[[list[str]], list[str]]
) -> None:
    damaged = resealed({file: lambda lines: canaries_and(keep, lines)})
    result = prove(damaged, list(expectations("container-cli-api")), from_raw=True)
    assert {each.verdict for each in result.results if each.atomic == EXECUTION} == {Verdict.INCONCLUSIVE}


def canaries_and(keep: Callable[[list[str]], list[str]], lines: list[str]) -> list[str]:
    kept = set(keep([each for each in lines if "livefire-canary-" not in each]))
    return [each for each in lines if each in kept or "livefire-canary-" in each]
