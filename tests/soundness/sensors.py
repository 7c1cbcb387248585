"""Sabotages of sensors: each canary around each atomic, each look at a sensor, each log, the kernel's audit."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from harness.model.expectation import Signal
from harness.recording import layout
from tests.conftest import MAIN_JOB
from tests.soundness.cited import alone, result_of
from tests.soundness.draft import Base, Draft, base_of
from tests.soundness.sabotage import CLI, HARDENED, Sabotage

UNWELL = frozenset({"INCONCLUSIVE"})
Change = Callable[[Draft], None]


def marks() -> list[Sabotage]:
    """Each canary before and after each atomic: lost from each log, never seen, another's, all of them gone."""
    return list(_each(_of_marks))


def checks() -> list[Sabotage]:
    """Each look at a sensor, and each log that it writes."""
    return [*_each(_of_checks), *_each(_of_logs)]


def attributed() -> list[Sabotage]:
    """A log by which rows of another sensor are given to atomics: where it is lost, the rows are nobody's."""
    atomic = MAIN_JOB[0]
    return [
        Sabotage(f"{file} is {name}", base_of(), CLI, atomic, functools.partial(in_containers, change=change), UNWELL)
        for file in (layout.DAEMON_REQUESTS, layout.DAEMON_EVENTS)
        for name, change in (
            ("empty", functools.partial(_rewrite, file=file, change=lambda _: [])),
            ("torn", functools.partial(_rewrite, file=file, change=lambda x: [x[0][:40] + "\n", *x[1:]])),
        )
    ]


def in_containers(draft: Draft, *, change: Change = lambda _: None) -> None:
    """A rule that must be silent, over what is executed in containers; its evidence is of auditd alone."""
    ran = Signal(name="docker was executed", kql='Auditd_CL | where CommandLine has "docker run"')
    owed: dict[str, Any] = {"oracle": [ran], "signals": [ran], "fires": False, "benign": "x"}
    flags = [name for each in draft.expectations for name in each.entry.flags]
    draft.expect(**owed, flags={}, rows=None, grounds={}, evade=False, evasions=[])
    draft.expectations = [replace(each, companions=(), tuning=()) for each in draft.expectations]
    columns = ", ".join(f"{name} = false" for name in flags)
    inside = 'DeviceProcessEvents | where ProcessCommandLine has "whoami" and ProcessCommandLine !has "docker"'
    draft.query(lambda _: f"{inside} | extend {columns}")
    change(draft)


def audit_changes() -> list[Sabotage]:
    """What is done to the kernel's audit between the canaries of one atomic costs that one, and no other."""
    base, found = base_of(), []
    first, *others = base.atomics
    for name, text in _AUDIT.items():
        change = functools.partial(_insert, line=text, atomic=first)
        found.append(Sabotage(name, base, CLI, first, change, UNWELL, ("auditd",), tuple(others)))
    return found


_AUDIT = {
    "rule removed": 'type=CONFIG_CHANGE msg=audit({}): op=remove_rule key="livefire" list=4 res=1',
    "rule added": "type=CONFIG_CHANGE msg=audit({}): op=add_rule key=(null) list=4 res=1",
    "audit switched off": "type=CONFIG_CHANGE msg=audit({}): op=set audit_enabled=0 old=1 auid=0 ses=3 res=1",
    "backlog changed": "type=CONFIG_CHANGE msg=audit({}): op=set audit_backlog_limit=1 old=8192 auid=0 ses=3 res=1",
    "lost counter set back": "type=CONFIG_CHANGE msg=audit({}): lost=0 old=812 auid=0 ses=3 res=1",
    "auditd ended": "type=DAEMON_END msg=audit({}): op=terminate auid=0 uid=0 ses=3 pid=1 res=success",
    "auditd aborted": "type=DAEMON_ABORT msg=audit({}): op=abort auid=0 uid=0 ses=3 pid=1 res=failed",
    "a torn line": "type=SYSCALL msg=aud",
}


def _each(of: Callable[[Base, str, str], Iterator[tuple[str, Change]]]) -> Iterator[Sabotage]:
    """For each atomic, each sensor that its verdict rests on; the rules take turns."""
    turn = 0
    for atomic in MAIN_JOB:
        base = alone(atomic)
        for sensor in [health.sensor for health in result_of(CLI, atomic).health]:
            for name, change in of(base, atomic, sensor):
                turn += 1
                rule = (CLI, HARDENED)[turn % 2]
                yield Sabotage(
                    f"{sensor}: {name}", base, rule, atomic, change, UNWELL, (sensor, layout.DAEMON_REQUESTS)
                )


def _of_marks(base: Base, atomic: str, sensor: str) -> Iterator[tuple[str, Change]]:
    record = next(each for each in base.manifest["sensors"] if each["name"] == sensor)
    for side, place in zip(("before", "after"), around(base, atomic, sensor), strict=True):
        token = record["marks"][place]["token"]
        for file in record["files"]:
            yield f"canary {side} gone from {file}", functools.partial(_forget, file=file, token=token)
        yield (
            f"canary {side} never seen",
            functools.partial(_mark, sensor=sensor, places=[place], update={"seen": None}),
        )
        other = {"token": "livefire-canary-0000000000000000"}
        yield f"canary {side} of another", functools.partial(_mark, sensor=sensor, places=[place], update=other)
        gone = range(place + 1) if side == "before" else range(place, len(record["marks"]))
        yield f"no canary {side}", functools.partial(_mark, sensor=sensor, places=list(gone), update=None)
    last = around(base, atomic, sensor)[1]
    ill = {"problems": ["it was not well"], "readings": {"lost": 0}}
    yield "mark after tells a problem", functools.partial(_mark, sensor=sensor, places=[last], update=ill)


def _of_checks(base: Base, atomic: str, sensor: str) -> Iterator[tuple[str, Change]]:
    yield "not well before", functools.partial(_check, sensor=sensor, when="before")
    yield "not well after", functools.partial(_check, sensor=sensor, when="after")
    yield "not part of the lab", functools.partial(_no_sensor, sensor=sensor)
    if sensor == "auditd":
        yield f"{layout.ALIVE} is gone", _was_written
        yield "lost records", functools.partial(_lost, sensor=sensor)
        before, after = around(base, atomic, sensor)
        for side, place in (("before", before), ("after", after)):
            unseen = {"contained": "livefire-canary-0000000000000001"}
            yield (
                f"canary in a container lost {side}",
                functools.partial(_mark, sensor=sensor, places=[place], update=unseen),
            )


def _of_logs(base: Base, atomic: str, sensor: str) -> Iterator[tuple[str, Change]]:
    record = next(each for each in base.manifest["sensors"] if each["name"] == sensor)
    for file in record["files"]:
        yield f"{file} is empty", functools.partial(_rewrite, file=file, change=lambda _: [])
        token = record["marks"][around(base, atomic, sensor)[1]]["token"]
        if file.endswith(".jsonl"):
            yield f"a value in {file} is odd", functools.partial(_rewrite, file=file, change=_odd_value)
        yield f"{file} ends before the attack does", functools.partial(_until, file=file, token=token)
        yield f"{file} is the wrong way round", functools.partial(_rewrite, file=file, change=lambda x: x[::-1])
        yield f"{file} has a line of nobody's", functools.partial(_before, file=file, token=token, line="x\n")
    if sensor == "docker_daemon":
        requests = layout.DAEMON_REQUESTS
        yield f"{requests} is empty", functools.partial(_rewrite, file=requests, change=lambda _: [])
        yield (
            f"{requests} is torn",
            functools.partial(_rewrite, file=requests, change=lambda x: [x[0][:40] + "\n", *x[1:]]),
        )


def around(base: Base, atomic: str, sensor: str) -> tuple[int, int]:
    """The places of the marks before and after an attack."""
    record = next(each for each in base.manifest["sensors"] if each["name"] == sensor)
    attack = next(each for each in base.manifest["detonations"] if each["atomic"] == atomic)["attack"]
    before = [n for n, mark in enumerate(record["marks"]) if mark["emitted"] <= attack["started"]]
    return before[-1], next(n for n, mark in enumerate(record["marks"]) if mark["emitted"] >= attack["finished"])


def _forget(draft: Draft, *, file: str, token: str) -> None:
    draft.raw[file] = [line for line in draft.raw[file] if token not in line]


def _mark(draft: Draft, *, sensor: str, places: list[int], update: dict[str, Any] | None) -> None:
    found = draft.sensor(sensor)["marks"]
    for place in places:
        found[place].update(update or {})
    if update is None:
        draft.sensor(sensor)["marks"] = [mark for n, mark in enumerate(found) if n not in places]


def _check(draft: Draft, *, sensor: str, when: str) -> None:
    draft.sensor(sensor)[when].update(ok=False, problems=["it was not well"])


def _was_written(draft: Draft) -> None:
    draft.raw.pop(layout.ALIVE, None)
    draft.sensor("auditd")["before"]["readings"]["alive"] = 9


def _no_sensor(draft: Draft, *, sensor: str) -> None:
    draft.manifest["sensors"] = [each for each in draft.manifest["sensors"] if each["name"] != sensor]


def _lost(draft: Draft, *, sensor: str) -> None:
    draft.sensor(sensor)["after"]["readings"]["lost"] = 7


def _rewrite(draft: Draft, *, file: str, change: Callable[[list[str]], list[str]]) -> None:
    draft.raw[file] = change(draft.raw[file])


def _odd_value(lines: list[str]) -> list[str]:
    """The first line's status, or what its event is of, is no number and no text."""
    return [re.sub(r'"(code|Type)": ?(\d+|"\w+")', r'"\1": true', lines[0], count=1), *lines[1:]]


def _until(draft: Draft, *, file: str, token: str) -> None:
    end = next(n for n, line in enumerate(draft.raw[file]) if token in line)
    draft.raw[file] = draft.raw[file][:end]


def _before(draft: Draft, *, file: str, token: str, line: str) -> None:
    """A line before that of a canary."""
    place = next(n for n, text in enumerate(draft.raw[file]) if token in text)
    draft.raw[file].insert(place, line)


def _insert(draft: Draft, *, line: str, atomic: str) -> None:
    """A line in the middle of an atomic's own events."""
    log = draft.raw[layout.AUDIT_LOG]
    session = draft.detonation(atomic)["attack"]["session"]
    place = next(n for n, text in enumerate(log) if f" ses={session} " in text)
    stamp = log[place].partition("msg=audit(")[2].partition(")")[0]
    draft.raw[layout.AUDIT_LOG] = [*log[:place], line.format(stamp) + "\n", *log[place:]]
