"""Logs with executions in them, and where Livefire puts these."""

from __future__ import annotations

from typing import Any

from harness.model.manifest import Manifest
from harness.telemetry.attribution import Attribution, Image, Moment, Placed, birth_of, read_processes, read_sessions
from harness.telemetry.attribution.moments import login_of
from harness.telemetry.readers.audit_log import read_events
from harness.telemetry.readers.gateway_requests import DockerRequest
from harness.telemetry.readers.seen_pods import read_pods
from tests.unit.telemetry.attribution.test_pods import created, seen

ID, OTHER = "a" * 64, "b" * 64
NONE = 4294967295
Exec = tuple[int, int, int, str]  # pid, parent, session, command line


def place(
    manifest: Manifest,
    execs: list[Exec],
    *requests: DockerRequest,
    time: float = 1700000000.0,
    pod_of: str = "",
) -> list[Placed]:
    lines = []
    for serial, (pid, parent, session, command) in enumerate(execs, 1):
        head = f"msg=audit({time:.3f}:{serial}):"
        lines.append(
            f"type=SYSCALL {head} arch=c000003e syscall=59 success=yes ppid={parent} pid={pid} uid=0 ses={session}"
        )
        words = command.split(" ")
        lines.append(
            f"type=EXECVE {head} argc={len(words)} " + " ".join(f'a{n}="{word}"' for n, word in enumerate(words))
        )
    return placed_of(manifest, lines, list(requests), pod_of)


def placed_of(
    manifest: Manifest,
    lines: list[str],
    requests: list[DockerRequest] | None = None,
    pod_of: str = "",
    **told: Any,
) -> list[Placed]:
    """The places of the executions in a log. `pod_of` is the user who made the pod of ID; `told` is all else."""
    events = list(read_events(lines))
    if pod_of:
        told |= {"kube_audit": [created("p", pod_of, 1)], "pods": read_pods([seen("p", 2, ID)])}
    sessions = read_sessions(manifest, events)
    attribution = Attribution(manifest, requests or [], read_processes(events), sessions=sessions, **told)
    found = []
    for event in events:
        moment = Moment.of(event)
        if event.is_exec:
            process = attribution.processes.executes(moment)
            arguments = [word or "" for word in event.arguments()[0]]
            found.append(attribution.place(moment, process, arguments))
            name, line = arguments[0].rpartition("/")[2], " ".join(arguments)
            image = Image(moment.pid, moment.parent, arguments[0], name, line, "", "root", moment.session)
            if not found[-1].own_shim:
                attribution.processes.executed(process, moment, image)
        elif birth := birth_of(event):
            attribution.processes.bear(birth)
        elif found_login := login_of(event):
            attribution.processes.at(found_login.by)
    return found


def attack(manifest: Manifest) -> tuple[str, int, int]:
    """The id, pid and audit session of the first atomic."""
    first = manifest.detonations[0]
    assert first.attack is not None
    assert first.attack.session is not None
    return first.atomic, first.attack.pid, first.attack.session


def request(atomic: str, container: str = ID) -> DockerRequest:
    return DockerRequest(atomic, 1700000000.0, 1700000000.1, "POST", "/v1.41/containers/create", 201, container)


def user_of(manifest: Manifest) -> tuple[str, str]:
    """An atomic with an identity in the cluster, and that identity."""
    found = next(d for d in manifest.detonations if d.user)
    return found.atomic, str(found.user)


def login(serial: int, pid: int, parent: int, old: int, new: int, time: float) -> list[str]:
    head = f"msg=audit({time:.3f}:{serial}):"
    return [
        f"type=LOGIN {head} pid={pid} uid=0 old-auid=0 auid=0 tty=(none) old-ses={old} ses={new} res=1",
        f"type=SYSCALL {head} arch=c000003e syscall=1 success=yes exit=2 ppid={parent} pid={pid} uid=0 ses={new}",
    ]


def executed(serial: int, pid: int, parent: int, session: int, command: str, time: float) -> list[str]:
    head, words = f"msg=audit({time:.3f}:{serial}):", command.split(" ")
    call = f"arch=c000003e syscall=59 success=yes exit=0 ppid={parent} pid={pid} uid=0 ses={session}"
    arguments = " ".join(f'a{n}="{word}"' for n, word in enumerate(words))
    return [f"type=SYSCALL {head} {call}", f"type=EXECVE {head} argc={len(words)} {arguments}"]
