"""Whose an audit session is: a shell's, or that of who got it from there."""

from __future__ import annotations

import json

import pytest

from harness.model.manifest import HARNESS
from harness.telemetry.attribution import Attribution, Sessions, processes_of, read_processes, read_sessions
from harness.telemetry.readers.alive_processes import read_alive
from harness.telemetry.readers.audit_log import read_events
from harness.telemetry.readers.gateway_requests import DockerRequest
from tests.unit.telemetry.attribution.asking import AT, ATTACK, FIRST, MANIFEST, SESSION, connects, residents_of, unix
from tests.unit.telemetry.attribution.placing import NONE, executed, login
from tests.unit.telemetry.attribution.test_residents import bears

NEW, NEXT = 777001, 777002
MINE = executed(1, 50, 49, SESSION, "bash", AT)


def alive(pid: int, contained: bool = False) -> str:
    """A process that was there before the log begins, as `raw/alive.jsonl` tells it."""
    told = {"pid": pid, "parent": 1, "started": 1, "name": "x", "path": "/x", "session": None, "contained": contained}
    return json.dumps(told | {"ours": False, "asked_at": []})


def refused(lines: list[str]) -> list[str]:
    return [each.replace("res=1", "res=0") for each in lines]


@pytest.mark.parametrize(
    ("log", "whose"),
    [
        (login(2, 50, 40, SESSION, NEW, AT), FIRST.atomic),
        (MINE + login(2, 50, 49, NONE, NEW, AT), FIRST.atomic),  # it descends from the attack's
        (MINE + executed(2, 51, 50, NONE, "x", AT) + login(3, 51, 1, NONE, NEW, AT), None),  # adopted, and no birth
        (MINE + bears(2, 50, 51, AT) + login(3, 51, 1, NONE, NEW, AT), FIRST.atomic),
        (login(2, 50, 40, NONE, NEW, AT), None),
        (login(2, ATTACK.pid, MANIFEST.harness_pid, NONE, NEW, AT), FIRST.atomic),
        (login(2, ATTACK.pid, MANIFEST.harness_pid, NONE, NEW, AT + 3600), None),
        (login(2, ATTACK.pid, 40, NONE, NEW, AT), None),  # another's child has that pid
        (refused(login(2, 50, 40, SESSION, NEW, AT)), None),
        (MINE + refused(login(2, 50, 49, NONE, NEW, AT)), None),
        (login(2, 50, 40, SESSION, NEXT, AT) + login(3, 50, 40, NEXT, NEW, AT), FIRST.atomic),
        (login(2, 50, 40, SESSION, NEW, AT) + login(3, 60, 40, NONE, NEW, AT), FIRST.atomic),  # a number is given once
        (login(2, 50, 40, FIRST.others[0].session or 0, NEW, AT), HARNESS),
    ],
)
def test_a_session_is_followed_in_one_way_for_all_who_ask(log: list[str], whose: str | None) -> None:
    """For what a process executes, where it asks another, and what it asks of the Docker daemon."""
    events = list(read_events([*log, *connects(unix("/run/d.sock"), session=NEW, serial=90)]))
    sessions = read_sessions(MANIFEST, events)
    assert sessions.of.get(NEW) == whose
    asks = DockerRequest(
        "background", AT + 0.01, AT + 0.02, "POST", "/info", 200, "", peer={"pid": 51, "started": 1.0, "session": NEW}
    )
    attribution = Attribution(MANIFEST, [asks], read_processes(events), sessions=sessions)
    assert [each.atomic for each in attribution.requests] == [whose or "background"]
    contacts = residents_of(MANIFEST, [alive(1)], events).contacts
    assert [each.atomic for each in contacts] == ([whose] if whose == FIRST.atomic else [])


@pytest.mark.parametrize(("contained", "whose"), [(True, FIRST.atomic), (False, None)])
def test_a_container_that_is_older_than_the_log_numbers_its_children_by_itself(
    contained: bool, whose: str | None
) -> None:
    log = [*MINE, *bears(2, 50, 51, AT), *bears(3, 70, 51, AT), *login(4, 51, 1, NONE, NEW, AT)]
    known = processes_of(read_alive([alive(70, contained)]))
    assert read_sessions(MANIFEST, list(read_events(log)), known).of.get(NEW) == whose


def test_whose_shell_has_a_pid_holds_while_it_runs_and_right_before_and_after() -> None:
    sessions = Sessions(MANIFEST)
    first, last = ATTACK.started.timestamp(), ATTACK.finished.timestamp()
    for at in (first - 0.0501, first, last, last + 0.0501):
        assert sessions.shell(ATTACK.pid, at) == (ATTACK, FIRST.atomic)
    for at in (first - 0.06, last + 0.06):
        assert sessions.shell(ATTACK.pid, at) is None
    assert sessions.shell(0, first) is None


def test_a_log_without_new_sessions_is_not_looked_through() -> None:
    events = list(read_events([*MINE, *login(2, 50, 49, NONE, SESSION, AT)]))
    assert read_sessions(MANIFEST, events).of == Sessions(MANIFEST).of
