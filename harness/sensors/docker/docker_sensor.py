"""The Docker daemon: its debug log, its events, and an inspect of each container at the moment of its creation."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

import docker.errors
from requests import RequestException

from harness.errors import LabUnavailable, first_line
from harness.host.owned_folders import OwnedFolder
from harness.lab.docker.docker_api import docker_client
from harness.lab.docker.docker_host import DockerHost
from harness.lab.docker.image import REFERENCE
from harness.model.manifest import Check, Mark, SensorRecord
from harness.recording import canary_names, layout
from harness.recording.masking import without_values
from harness.sensors.docker.gateways import DockerGateways
from harness.sensors.docker.request_log import RequestLog
from harness.sensors.log_follower import LogFollower
from harness.sensors.redaction import redact_daemon_line
from harness.sensors.sensor import MARK_TIMEOUT, Arrivals, Patience, canary_token, make_check, make_mark, now

_NO_ANSWER = (docker.errors.DockerException, OSError, RequestException)


class DockerDaemonSensor:
    """Follows the daemon's log, where we can read it, and its events, and notes the requests at its gateways."""

    name = "docker_daemon"

    def __init__(self, host: DockerHost, arrivals: Arrivals, owned: OwnedFolder) -> None:
        self._host = host
        self._requests = RequestLog(arrivals.file(layout.DAEMON_REQUESTS))
        self.gateways = DockerGateways(host, owned, self._requests)
        self._arrivals = arrivals
        self._events = _EventStream(arrivals)
        self._log: LogFollower | None = None
        self._clients = contextlib.ExitStack()
        self._client: docker.DockerClient
        self._through: docker.DockerClient
        self._patience = Patience()
        self._marks: list[Mark] = []
        self._before: Check | None = None

    def start(self) -> None:
        """Subscribe to the events and follow the log. The harness's gateway is open by now."""
        if self._host.log:
            self._log = self._arrivals.follow(self._host.log, layout.DAEMON_LOG, redact=redact_daemon_line)
            self._log.start()
        self._events.start(self.gateways.daemon)
        self._client = self._clients.enter_context(docker_client(self.gateways.daemon, timeout=MARK_TIMEOUT))
        self._through = self._clients.enter_context(docker_client(self.gateways.harness, timeout=MARK_TIMEOUT))
        self._before = self._check()

    def mark(self, label: str) -> Mark:
        """Tag our image with a token and untag it, through the harness's gateway.

        The tag appears in the log, in the events, and in the gateways' notes.
        """
        token, emitted = canary_token(), now()
        problems = self._events.take_problems() + self._requests.take_problems()
        problems += self._log.take_problems() if self._log else []
        self._through.api.timeout = int(self._patience.timeout)
        try:
            self._through.api.tag(REFERENCE, canary_names.REPOSITORY, token)
            self._through.api.remove_image(f"{canary_names.REPOSITORY}:{token}")
        except _NO_ANSWER as error:
            problems.append(f"the daemon does not answer: {first_line(error)}")
            self._patience.lose()
        seen = self._patience.wait(lambda seconds: self._seen(token, seconds))
        mark = make_mark(label, token, emitted, seen, {"events": self._events.count}, problems)
        self._marks.append(mark)
        return mark

    def _seen(self, token: str, timeout: float) -> float | None:
        seen = self._events.seen(token, timeout)
        return self._log.seen(token, timeout) if self._log and seen is not None else seen

    def drain(self) -> SensorRecord:
        """Check once more, then end the stream."""
        assert self._before is not None
        after = self._check()
        self._clients.close()
        self._events.stop()
        files, notes = [layout.DAEMON_EVENTS, layout.DAEMON_REQUESTS], []
        problems = after.problems + self._requests.take_problems()
        if self._log:
            self._log.stop()
            problems += self._log.take_problems()
            files.append(layout.DAEMON_LOG)
        else:
            notes.append("the log of a host's daemon is not read: only its events and inspect are")
        return SensorRecord(
            name="docker_daemon",
            files=files,
            before=self._before,
            after=make_check(after.readings, problems),
            marks=self._marks,
            notes=notes,
        )

    def _check(self) -> Check:
        problems = self._events.take_problems()
        self._client.api.timeout = int(self._patience.timeout)
        try:
            debug = bool(self._client.info().get("Debug"))
        except _NO_ANSWER as error:
            return make_check({"debug": None}, [*problems, f"the daemon does not answer: {first_line(error)}"])
        if self._log and not debug:
            problems.append("the daemon does not log at debug level")
        return make_check({"debug": debug, "events": self._events.count}, problems)


def daemon_fault(socket: Path, timeout: float) -> str:
    """Why a daemon does not answer within `timeout` seconds; empty where it answers."""
    try:
        with docker_client(socket, timeout=timeout) as client:
            client.ping()
    except _NO_ANSWER as error:
        return first_line(error)
    return ""


class _EventStream:
    """`GET /events`, with an inspect on each container's creation, since a `--rm` container lives for milliseconds."""

    def __init__(self, arrivals: Arrivals) -> None:
        self.count = 0
        self.problems: list[str] = []
        self._socket: Path
        self._target = arrivals.file(layout.DAEMON_EVENTS)
        self._arrivals = arrivals
        self._stopping = False
        self._client: Any = None
        self._stream: Any = None
        self._thread = threading.Thread(target=self._run, name="docker events", daemon=True)

    def start(self, daemon: Path) -> None:
        """Connect, and return once the daemon has accepted the subscription. Raises LabUnavailable."""
        self._socket = daemon
        try:
            self._client = docker.DockerClient(base_url=f"unix://{self._socket}", version="auto", timeout=None)  # type: ignore[arg-type]
            self._stream = self._client.api.events(decode=True)
        except (docker.errors.DockerException, RequestException) as error:
            raise LabUnavailable(f"the Docker daemon's events can't be read: {error}") from None
        self._target.touch(mode=0o600)
        self._thread.start()

    def seen(self, token: str, timeout: float) -> float | None:
        """When `token` stood in an event; None if it did not within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while token.encode() not in self._target.read_bytes():
            if time.monotonic() >= deadline or not self._thread.is_alive():
                return None
            time.sleep(0.004)
        return time.time()

    def take_problems(self) -> list[str]:
        """The problems of the stream. They last, since an ended stream is not opened again."""
        return list(self.problems)

    def stop(self) -> None:
        """End the stream from our side."""
        self._stopping = True
        with contextlib.suppress(*_NO_ANSWER):  # the daemon may be gone
            self._stream.close()
        self._thread.join(timeout=5)
        self._client.close()

    def _run(self) -> None:
        reason = "the daemon's events ended early"
        try:
            with docker_client(self._socket) as inspector, self._target.open("ab", buffering=0) as target:
                for event in self._stream:
                    received = time.time()
                    line = {"received": received, "event": event, "inspect": self._inspect(inspector, event)}
                    target.write(json.dumps(line).encode() + b"\n")
                    self._arrivals.note(layout.DAEMON_EVENTS, target.tell(), received)
                    self.count += 1
        except Exception as error:  # of the SDK, of the libraries below it, or of a malformed event
            reason += f": {first_line(error)}"
        if not self._stopping:  # the SDK ends a broken stream without an error
            self.problems.append(reason)

    def _inspect(self, client: docker.DockerClient, event: dict[str, Any]) -> dict[str, Any] | None:
        if event.get("Type") != "container" or event.get("Action") != "create":
            return None
        try:
            inspected: dict[str, Any] = client.api.inspect_container(event["Actor"]["ID"])
        except docker.errors.NotFound:
            return None
        config = inspected.get("Config") or {}
        config["Env"] = without_values(config.get("Env"))
        return inspected
