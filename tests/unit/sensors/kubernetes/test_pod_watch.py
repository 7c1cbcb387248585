"""The watch on pods, against a server on loopback that speaks the API's two answers."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.host.waiting import NotYet, wait_until
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kubeconfig import kubeconfig_document
from harness.sensors.kubernetes.pod_watch import PodWatch


def pod(name: str, *ids: str) -> dict[str, Any]:
    statuses = [{"containerID": f"containerd://{id_}" if id_ else ""} for id_ in ids]
    return {
        "metadata": {"namespace": "default", "name": name, "uid": f"uid-{name}"},
        "status": {"containerStatuses": statuses},
    }


class Server(ThreadingHTTPServer):
    """`listed` is what a list answers; `watched` what a watch tells, before it hangs until `over`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.listed: list[dict[str, Any]] = []
        self.watched: list[dict[str, Any]] = []
        self.over = threading.Event()
        self.refuses = False


class Handler(BaseHTTPRequestHandler):
    """As the API server does, it sends chunks (RFC 9112, 7.1)."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self.server.refuses:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if "watch" in self.path:
            for each in self.server.watched:
                self.chunk(json.dumps({"type": "MODIFIED", "object": each}).encode() + b"\n")
            self.server.over.wait(30)
        else:
            self.chunk(json.dumps({"items": self.server.listed}).encode())
        with contextlib.suppress(OSError):  # nobody listens to the end of a watch
            self.chunk(b"")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.over.set()
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def api(server: Server, tmp_path: Path) -> Iterator[KubeApi]:
    kubeconfig = tmp_path / "kubeconfig"
    address = f"http://127.0.0.1:{server.server_port}"
    kubeconfig.write_text(yaml.safe_dump(kubeconfig_document({"server": address}, {"token": "t"})))
    found = KubeApi(kubeconfig)
    yield found
    found.close()


def facts(path: Path) -> list[tuple[str, list[str]]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["name"], line["container_ids"]) for line in lines]


def test_each_new_fact_is_a_line_and_a_hanging_watch_ends(server: Server, api: KubeApi, tmp_path: Path) -> None:
    target = tmp_path / "pods.jsonl"
    server.listed = [pod("old", "aa")]
    server.watched = [pod("new"), pod("new", ""), pod("new", "bb"), pod("new", "bb"), pod("new", "bb", "cc")]
    watch = PodWatch(api, target)
    watch.start()

    def told() -> None:
        if ("new", ["bb", "cc"]) not in facts(target):
            raise NotYet(str(facts(target)))

    wait_until("the watch", told, timeout=10)
    server.listed = [pod("old", "aa"), pod("late", "dd")]
    watch.stop()
    assert not watch.running
    assert facts(target) == [
        ("old", ["aa"]),
        ("new", []),
        ("new", ["bb"]),
        ("new", ["bb", "cc"]),
        ("late", ["dd"]),
    ]


def test_a_token_of_ours_is_told_once_and_another_s_annotation_is_not(
    server: Server, api: KubeApi, tmp_path: Path
) -> None:
    ours, theirs = pod("ours"), pod("theirs")
    ours["metadata"] |= {"namespace": "livefire", "annotations": {"livefire.run/canary": "livefire-canary-1"}}
    theirs["metadata"]["annotations"] = {"livefire.run/canary": "livefire-canary-2", "password": "x"}
    server.listed = []
    server.watched = [ours, theirs, ours]
    watch = PodWatch(api, tmp_path / "pods.jsonl")
    watch.start()
    assert watch.seen("livefire-canary-1", 10) is not None
    assert watch.seen("livefire-canary-2", 0.2) is None
    watch.stop()
    lines = [json.loads(line) for line in (tmp_path / "pods.jsonl").read_text().splitlines()]
    assert [line.get("canary") for line in lines] == ["livefire-canary-1", None]
    assert "password" not in (tmp_path / "pods.jsonl").read_text()


def test_the_account_and_the_own_address_of_a_pod_are_told(server: Server, api: KubeApi, tmp_path: Path) -> None:
    """That of the node is no pod's."""
    target, without = tmp_path / "pods.jsonl", pod("p")
    without["spec"] = {"serviceAccountName": "builder"}
    addressed = without | {"status": {"podIP": "10.0.0.1"}}
    on_host = pod("h") | {"spec": {"serviceAccountName": "x", "hostNetwork": True}, "status": {"podIP": "10.0.0.9"}}
    server.listed = [without]
    watch = PodWatch(api, target)
    watch.start()
    server.listed = [addressed, addressed, on_host]
    watch.stop()
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert [(line["name"], line["account"], line["address"]) for line in lines] == [
        ("p", "builder", ""),
        ("p", "builder", "10.0.0.1"),
        ("h", "x", ""),
    ]


def test_a_watch_that_breaks_is_told_once_and_that_nobody_watches_each_time(
    server: Server, api: KubeApi, tmp_path: Path
) -> None:
    watch = PodWatch(api, tmp_path / "pods.jsonl")
    watch.start()
    assert watch.take_problems() == []
    server.refuses = True
    server.over.set()
    broke = "the watch on pods broke, so pods before the next watch may be missing: "

    def told() -> list[str]:
        found.extend(watch.take_problems())
        if not any(each.startswith(broke) for each in found):
            raise NotYet(str(found))
        return found

    found: list[str] = []
    wait_until("the problem", told, timeout=10, interval=0.02)
    assert watch.take_problems() == ["no watch on pods runs"]
    server.over.clear()
    server.refuses = False

    def well() -> None:
        if problems := watch.take_problems():
            raise NotYet(str(problems))

    wait_until("another watch", well, timeout=10, interval=0.02)
    assert len([each for each in found if each.startswith(broke)]) == 1
    watch.stop()
    assert watch.take_problems() == []


def test_pods_that_cannot_be_asked_for_at_the_end_are_a_problem(server: Server, api: KubeApi, tmp_path: Path) -> None:
    watch = PodWatch(api, tmp_path / "pods.jsonl")
    watch.start()
    server.refuses = True
    watch.stop(timeout=1)
    (problem,) = watch.take_problems()
    assert problem.startswith("the pods could not be asked for at the end: ")


def test_how_many_lines_were_written_is_told(server: Server, api: KubeApi, tmp_path: Path) -> None:
    server.listed = [pod("a"), pod("b", "11"), pod("a")]
    watch = PodWatch(api, tmp_path / "pods.jsonl")
    watch.start()
    watch.stop()
    assert watch.lines == len(facts(tmp_path / "pods.jsonl")) == 2
