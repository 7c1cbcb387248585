"""The guard before a daemon that isn't ours: a real socket, and a daemon that knows what it was told of."""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, ClassVar

import pytest

from harness.capture import makers
from harness.host.ledger import Ledger
from harness.lab.docker.docker_api import UnixConnection
from harness.lab.docker.image_names import tagged
from harness.model.manifest import HARNESS
from harness.sensors.docker.gateway import DockerGateway
from harness.sensors.docker.guard import DockerGuard
from harness.sensors.docker.made import DockerMade
from harness.sensors.docker.request_log import RequestLog

assert makers
OURS, THEIRS, NET = "a" * 64, "b" * 64, "c" * 64


class Handler(BaseHTTPRequestHandler):
    """Containers by id and name, images by name; what is asked of it is kept in `server.asked`."""

    protocol_version = "HTTP/1.1"
    named: ClassVar[dict[str, str]] = {}

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {self.path}")  # type: ignore[attr-defined]
        place = self.path.removeprefix("/v1.41").partition("?")[0]
        known = self.named | {
            "ours": OURS,
            "theirs": THEIRS,
            OURS: OURS,
            THEIRS: THEIRS,
            OURS[:12]: OURS,
            THEIRS[:12]: THEIRS,
        }
        name = place.split("/")[2] if place.count("/") > 1 else ""
        if place == "/containers/create":
            self._answer(201, {"Id": OURS, "Warnings": []})
        elif place == "/networks/create":
            self._answer(201, {"Id": NET})
        elif place == "/containers/json":
            self._answer(200, [{"Id": OURS}, {"Id": THEIRS}])
        elif place.startswith("/containers/") and self.command == "GET" and name in known:
            self._answer(200, {"Id": known[name]})
        elif place.startswith("/exec/") and self.command == "GET":
            known = {"x1": OURS, "x2": THEIRS}
            self._answer(200 if name in known else 404, {"ContainerID": known.get(name)})
        elif place.startswith("/volumes/") and self.command == "GET":
            self._answer(200, {"Name": name})
        elif place == "/info":
            self._answer(200, {"Swarm": {"LocalNodeState": self.server.swarm}})  # type: ignore[attr-defined]
        elif place.startswith("/networks/") and self.command == "GET" and name in ("bridge", NET):
            self._answer(200, {"Id": name if name == NET else "d" * 64})
        elif place.startswith("/images/") and self.command == "GET":
            there = "theirs" in place
            self._answer(200 if there else 404, {"Id": "sha256:e"} if there else {"message": "no such image"})
        else:
            self._answer(200 if self.command != "GET" else 404, {})

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = do_PATCH = do_OPTIONS = _serve


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    asked: list[str]
    swarm: str = "active"


class Rig:
    """Two gateways with one guard before a daemon: the harness's, and an atomic's."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(str(folder / "d.sock"), Handler)
        self.server.asked = []
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.ledger = Ledger(folder / "ledger.jsonl")
        made = DockerMade(folder / "d.sock", self.ledger)
        guard = DockerGuard(folder / "d.sock", made)
        self._noted = folder / "requests.jsonl"
        log = RequestLog(self._noted)
        daemon = folder / "d.sock"
        self.harness = DockerGateway(HARNESS, folder / "h.sock", daemon, log, made, guard)
        self.atomic = DockerGateway("T1/a", folder / "a.sock", daemon, log, made, guard)

    def ask(
        self,
        method: str,
        path: str,
        *,
        harness: bool = False,
        body: bytes = b"{}",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        connection = UnixConnection(self.harness.path if harness else self.atomic.path)
        try:
            sent = body if method in ("POST", "PUT") else None
            connection.request(method, f"/v1.41{path}", sent, headers or {})
            answer: http.client.HTTPResponse = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if body else None
        finally:
            connection.close()

    def noted(self) -> Any:
        """The last request."""
        return json.loads(self._noted.read_text().splitlines()[-1])

    def reached(self, method: str, path: str) -> bool:
        return f"{method} /v1.41{path}" in self.server.asked


@pytest.fixture
def rig() -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="lf-") as folder:
        found = Rig(Path(folder))
        with found.harness, found.atomic:
            yield found
        found.server.shutdown()
        found.server.server_close()


CHANGES = [
    ("DELETE", "/containers/{}?force=1"),
    ("POST", "/containers/{}/kill"),
    ("POST", "/containers/{}/stop"),
    ("POST", "/containers/{}/rename?name=x"),
    ("POST", "/containers/{}/exec"),
    ("POST", "/containers/{}/start"),
    ("POST", "/containers/{}/update"),
    ("PUT", "/containers/{}/archive?path=/"),
]


@pytest.mark.parametrize("harness", [True, False])
@pytest.mark.parametrize("name", ["theirs", THEIRS, THEIRS[:12]])
@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_container_of_others_is_not_changed(rig: Rig, method: str, path: str, name: str, harness: bool) -> None:
    status, body = rig.ask(method, path.format(name), harness=harness)
    assert status == 403
    assert "was not made by this run" in body["message"]
    assert not rig.reached(method, path.format(name))
    assert rig.noted()["status"] == 403


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_one_that_was_made_through_a_gateway_is_ours_and_in_the_ledger(rig: Rig, method: str, path: str) -> None:
    assert rig.ask("POST", "/containers/create") == (201, {"Id": OURS, "Warnings": []})
    assert [(each.kind, each.what["id"]) for each in rig.ledger.open_entries()] == [("container", OURS)]
    assert rig.noted()["container_id"] == OURS
    for name in ("ours", OURS, OURS[:12]):
        assert rig.ask(method, path.format(name), harness=True)[0] == 200
        assert rig.reached(method, path.format(name))


@pytest.mark.parametrize("what", ["containers", "images", "networks", "volumes", "build"])
def test_nothing_is_pruned(rig: Rig, what: str) -> None:
    assert rig.ask("POST", f"/{what}/prune")[0] == 403
    assert not rig.reached("POST", f"/{what}/prune")


def test_cleanup_sees_our_containers_alone_and_an_attack_sees_all(rig: Rig) -> None:
    assert rig.ask("GET", "/containers/json?all=1", harness=True) == (200, [])
    rig.ask("POST", "/containers/create")
    assert rig.ask("GET", "/containers/json?all=1", harness=True) == (200, [{"Id": OURS}])
    assert rig.ask("GET", "/containers/json?all=1") == (200, [{"Id": OURS}, {"Id": THEIRS}])
    assert rig.ask("GET", "/containers/theirs/json", harness=True)[0] == 404
    assert rig.ask("GET", "/containers/ours/json", harness=True)[0] == 200
    assert rig.ask("GET", "/containers/theirs/json")[0] == 200


def test_a_network_of_others_is_not_removed_and_one_of_ours_is_in_the_ledger(rig: Rig) -> None:
    assert rig.ask("DELETE", "/networks/bridge")[0] == 403
    assert rig.ask("POST", "/networks/create") == (201, {"Id": NET})
    assert [(each.kind, each.what["id"]) for each in rig.ledger.open_entries()] == [("atomic_network", NET)]
    assert rig.ask("DELETE", f"/networks/{NET}")[0] == 200


def test_a_name_of_an_image_is_ours_if_nobody_had_it(rig: Rig) -> None:
    assert rig.ask("DELETE", "/images/theirs:1")[0] == 403
    assert rig.ask("POST", "/build?t=theirs:1")[0] == 403
    assert rig.ask("POST", "/images/livefire/busybox:local/tag?repo=theirs&tag=1")[0] == 403
    tag = "/images/livefire/busybox:local/tag?repo=livefire/canary&tag=t1"
    assert rig.ask("POST", tag)[0] == 200
    entries = rig.ledger.open_entries()
    assert [(each.kind, each.what["reference"]) for each in entries] == [("atomic_image", "livefire/canary:t1")]
    assert rig.ask("DELETE", "/images/livefire/canary:t1")[0] == 200
    assert rig.reached("DELETE", "/images/livefire/canary:t1")
    assert rig.ledger.open_entries() == []  # taken back already


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("box", "box:latest"),
        ("docker.io/library/box", "box:latest"),
        ("h:5000/box", "h:5000/box:latest"),
        ("h:5000/box:1", "h:5000/box:1"),
        ("box@sha256:00", "box@sha256:00"),
    ],
)
def test_a_name_as_the_daemon_writes_it(name: str, written: str) -> None:
    assert tagged(name) == written


FOREIGN = [
    ("DELETE", "/services/web"),
    ("POST", "/services/web/update?version=1"),
    ("POST", "/services/create"),
    ("DELETE", "/secrets/x"),
    ("DELETE", "/configs/x"),
    ("DELETE", "/nodes/n?force=1"),
    ("POST", "/nodes/n/update"),
    ("POST", "/swarm/leave?force=1"),
    ("POST", "/swarm/update"),
    ("DELETE", "/plugins/x?force=1"),
    ("POST", "/plugins/x/disable"),
    ("POST", "/plugins/pull?remote=x"),
    ("DELETE", "/containers/prune"),
    ("DELETE", "/containers/json?force=1"),
    ("DELETE", "/containers/create"),
    ("DELETE", "/volumes/prune"),
    ("DELETE", "/volumes/create"),
    ("PUT", "/volumes/theirs?version=1"),
    ("POST", "/images/load"),
    ("POST", "/images/theirs:1/push?tag=1"),
    ("POST", "/images/theirs/push?tag=1"),
    ("POST", "/images/create?fromImage=theirs&tag=1"),
    ("POST", "/images/create?fromImage=mine"),  # all of its tags
    ("POST", "/images/create?fromSrc=-&repo=theirs&tag=1"),
    ("POST", "/commit?container=theirs&repo=mine"),
    ("POST", "/commit?container=ours&repo=theirs"),
    ("POST", "/build?t=mine:1&t=theirs:1"),
    ("POST", "/build?version=2"),
    ("POST", "/build/cancel?id=1"),
    ("POST", "/session"),
    ("POST", "/grpc"),
    ("POST", "/exec/x2/start"),
    ("POST", "/exec/x2/resize?h=1"),
    ("GET", "/containers/theirs/attach/ws?stdin=1"),
    ("POST", "/containers/theirs/checkpoints"),
    ("POST", "/containers/theirs/copy"),
    ("POST", "/containers//theirs/kill"),
    ("POST", "/containers/../containers/theirs/kill"),
    ("POST", "/containers/theirs%2Fkill"),
    ("POST", "/containers/%2E%2E/kill"),
    ("POST", "/x/../containers/theirs/kill"),
    ("DELETE", "/images/../containers/theirs"),
    ("DELETE", "/images/%2e%2e/containers/theirs"),
    ("PATCH", "/containers/ours"),
    ("OPTIONS", "/"),
    ("GET", "/what/is/not/known"),
    ("POST", "/what/is/not/known"),
]


@pytest.fixture
def with_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their containers are called as words of the API are."""
    monkeypatch.setattr(Handler, "named", {"prune": THEIRS, "json": THEIRS, "create": THEIRS})


@pytest.mark.usefixtures("with_theirs")
@pytest.mark.parametrize(("method", "path"), FOREIGN)
def test_what_is_not_on_the_list_or_not_ours_is_refused(rig: Rig, method: str, path: str) -> None:
    status, body = rig.ask(method, path)
    assert status == 403
    assert body["message"]
    assert not rig.reached(method, path)


READS = [
    ("GET", "/_ping"),
    ("HEAD", "/_ping"),
    ("GET", "/version"),
    ("GET", "/info"),
    ("GET", "/system/df"),
    ("GET", "/events?since=1&until=2"),
    ("GET", "/containers/theirs/json"),
    ("GET", "/containers/theirs/logs?stdout=1"),
    ("GET", "/containers/theirs/export"),
    ("GET", "/containers/theirs/archive?path=/etc"),
    ("HEAD", "/containers/theirs/archive?path=/etc"),
    ("GET", "/images/json"),
    ("GET", "/images/theirs:1/json"),
    ("GET", "/images/h:5000/a/theirs:1/history"),
    ("GET", "/images/get?names=theirs"),
    ("GET", "/networks/bridge"),
    ("GET", "/volumes"),
    ("GET", "/services"),
    ("GET", "/services/web/logs"),
    ("GET", "/secrets/x"),
    ("GET", "/exec/x2/json"),
    ("GET", "/plugins"),
    ("GET", "/distribution/a/b/json"),
    ("POST", "/auth"),
]


@pytest.mark.parametrize(("method", "path"), READS)
def test_what_only_reads_may_pass(rig: Rig, method: str, path: str) -> None:
    assert rig.ask(method, path)[0] in (200, 404)  # as the daemon has it
    assert rig.reached(method, path)


MAKES = [
    ("POST", "/containers/create?name=x"),
    ("POST", "/networks/create"),
    ("POST", "/volumes/create"),
    ("POST", "/images/create?fromImage=mine&tag=1"),
    ("POST", "/images/create?fromImage=mine&tag=sha256:00"),
    ("POST", "/images/create?fromSrc=-&repo=mine&tag=1"),
    ("POST", "/images/theirs:1/tag?repo=mine&tag=1"),
    ("POST", "/build?t=mine:1"),
    ("POST", "/build?version=1"),
    ("POST", "/commit?container=ours&repo=mine"),
    ("POST", "/exec/x1/start"),
    ("POST", "/exec/x1/resize?h=1"),
    ("GET", "/containers/ours/attach/ws"),
    ("POST", "/containers/ours/wait"),
    ("POST", "/containers/none/kill"),  # the daemon's answer is its own
]


@pytest.mark.parametrize(("method", "path"), MAKES)
def test_what_makes_something_or_acts_on_what_is_ours_may_pass(rig: Rig, method: str, path: str) -> None:
    rig.ask("POST", "/containers/create")
    assert rig.ask(method, path)[0] in (200, 201, 404)
    assert rig.reached(method, path)


def test_an_image_of_ours_is_pushed_and_removed(rig: Rig) -> None:
    assert rig.ask("POST", "/images/theirs:1/tag?repo=h:5000/theirs-and-mine&tag=1")[0] == 403  # the daemon has it
    rig.ask("POST", "/images/theirs:1/tag?repo=h:5000/mine&tag=1")
    assert rig.ask("POST", "/images/h:5000/mine/push?tag=1")[0] == 200
    assert rig.ask("DELETE", "/images/h:5000%2Fmine:1")[0] == 200


@pytest.mark.parametrize("state", ["active", "inactive"])
def test_what_is_in_a_swarm_is_ours_if_we_made_the_swarm(rig: Rig, state: str) -> None:
    rig.server.swarm = state
    expected = 200 if state == "inactive" else 403
    assert rig.ask("POST", "/swarm/init")[0] == 200
    for method, path in [
        ("POST", "/services/create"),
        ("POST", "/services/web/update"),
        ("DELETE", "/secrets/x"),
        ("POST", "/swarm/leave"),
    ]:
        assert rig.ask(method, path)[0] == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"Container": "ours"}, 200),
        ({"Container": "theirs"}, 403),
        ({"container": "theirs"}, 403),  # Go heeds no case
        ({"Container": "ours", "CONTAINER": "theirs"}, 403),
        ({"Container": "../networks/x"}, 403),
        ({}, 403),
        ([], 403),
        (None, 403),
    ],
)
@pytest.mark.parametrize("act", ["connect", "disconnect"])
def test_a_container_of_ours_joins_any_network_and_no_other_does(rig: Rig, act: str, body: Any, status: int) -> None:
    rig.ask("POST", "/containers/create")
    assert rig.ask("POST", f"/networks/bridge/{act}", body=json.dumps(body).encode())[0] == status
    assert rig.reached("POST", f"/networks/bridge/{act}") == (status == 200)


def test_from_a_network_of_ours_anybody_is_disconnected(rig: Rig) -> None:
    rig.ask("POST", "/networks/create")
    body = json.dumps({"Container": "theirs"}).encode()
    assert rig.ask("POST", f"/networks/{NET}/disconnect", body=body)[0] == 200
    assert rig.ask("POST", f"/networks/{NET}/connect", body=body)[0] == 403


def test_no_form_stands_for_the_query(rig: Rig) -> None:
    """To the daemon the fields of a form come before those of the query (net/http, Request.ParseForm)."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    path = "/images/x:1/tag?repo=mine"
    assert rig.ask("POST", path, body=b"repo=theirs&tag=1", headers=form)[0] == 403
    assert not rig.reached("POST", path)
