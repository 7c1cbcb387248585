"""What an API server tells of audit events that it could not write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from harness.host.owned_folders import OwnedFolder
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.kube_api import KubeApi
from harness.lab.kubernetes.kubeconfig import kubeconfig_document
from harness.recording import RecordingWriter
from harness.sensors.kubernetes.kube_sensor import KubeAuditSensor
from harness.sensors.sensor import Arrivals

# As an API server 1.20 prints them; the last is not there before the first error.
METRICS = """# TYPE apiserver_audit_event_total counter
apiserver_audit_event_total 1234
# TYPE apiserver_audit_error_total counter
apiserver_audit_error_total{{plugin="log"}} {}
apiserver_audit_error_total{{plugin="webhook"}} 0
"""


class Server(ThreadingHTTPServer):
    """`metrics` is what it tells; None for 403. All that it is asked for stands in `log`."""

    metrics: str | None = ""
    log: Path | None = None


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        text = self.server.metrics if self.path == "/metrics" else "{}"
        if self.server.log:
            with self.server.log.open("a") as log:
                log.write(f'{{"requestURI": "{self.path}"}}\n')
        self.send_response(403 if text is None else 200)
        self.end_headers()
        self.wfile.write((text or "").encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def api(server: Server, tmp_path: Path) -> Iterator[KubeApi]:
    address = {"server": f"http://127.0.0.1:{server.server_port}"}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig_document(address, {"token": "t"})))
    found = KubeApi(tmp_path / "kubeconfig")
    yield found
    found.close()


@pytest.mark.parametrize(
    ("metrics", "count"), [("", 0), (METRICS.format(3), 3), (METRICS.format("1.5e+02"), 150), (None, None)]
)
def test_how_many_could_not_be_written(server: Server, api: KubeApi, metrics: str | None, count: int | None) -> None:
    server.metrics = metrics
    assert api.unwritten() == count


def test_each_loss_is_told_once_by_the_mark_that_comes_after_it(server: Server, api: KubeApi, tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.touch()
    server.log = log
    server.metrics = METRICS.format(7)  # before the capture: nobody's
    cluster = Cluster("control-plane", "c", api.kubeconfig, log, "1", "", owned=True, admin="")
    sensor = KubeAuditSensor(api, cluster, Arrivals(RecordingWriter(tmp_path / "recording")), OwnedFolder(tmp_path))
    sensor.start()
    told = []
    for count in (7, 9, 9, 2):  # in the end it has begun anew
        server.metrics = METRICS.format(count)
        told.append([each for each in sensor.mark(f"mark {count}").problems if "write" in each])
    sensor.drain()
    lost = "the API server could not write 2 events to its audit log"
    assert told == [[], [lost], [], [lost]]
