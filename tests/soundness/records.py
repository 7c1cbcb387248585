"""Sabotages of the Docker daemon's records: each line by which one of them vouches for another, around each attack."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from harness.recording import layout
from tests.conftest import MAIN_JOB
from tests.soundness.cited import alone, result_of
from tests.soundness.draft import Base, Draft
from tests.soundness.sabotage import CLI, HARDENED, Sabotage

UNWELL = frozenset({"INCONCLUSIVE"})
Change = Callable[[Draft], None]


def records() -> list[Sabotage]:
    """For each atomic whose verdict rests on the daemon; the rules take turns."""
    found = []
    for atomic in MAIN_JOB:
        if all(health.sensor != "docker_daemon" for health in result_of(CLI, atomic).health):
            continue
        base = alone(atomic)
        for turn, (name, change) in enumerate(_of_records(base, atomic)):
            found.append(Sabotage(name, base, (CLI, HARDENED)[turn % 2], atomic, change, UNWELL, ("lacks",)))
    return found


def _of_records(base: Base, atomic: str) -> Iterator[tuple[str, Change]]:
    log, requests = layout.DAEMON_LOG, layout.DAEMON_REQUESTS
    for place, line in enumerate(base.raw[requests]):
        asked = json.loads(line)
        if asked["atomic"] != atomic:
            continue
        yield f"{requests} without line {place + 1}", functools.partial(_drop, file=requests, places=[place])
        call = f"Calling {asked['method']} {asked['path']}"
        said = [n for n, text in enumerate(base.raw[log]) if call in text and _within(text, asked)]
        yield f"{log} without line {said[0] + 1}", functools.partial(_drop, file=log, places=said)
    bodies = [n for n, text in enumerate(base.raw[log]) if "form data" in text and '\\"Image\\":' in text]
    for place in bodies:
        yield f"{log} without line {place + 1}", functools.partial(_drop, file=log, places=[place])
    events = base.raw[layout.DAEMON_EVENTS]
    made = [asked["container_id"] for line in base.raw[requests] if (asked := json.loads(line))["atomic"] == atomic]
    own = [n for n, text in enumerate(events) if any(each and each in text for each in made)]
    for place in [n for n in own if _ACTION.search(events[n])]:
        yield (
            f"{layout.DAEMON_EVENTS} without line {place + 1}",
            functools.partial(_drop, file=layout.DAEMON_EVENTS, places=[place]),
        )
    others = [n for n, text in enumerate(base.raw[log]) if "livefire-canary-" not in text]
    yield f"{log} has canaries alone", functools.partial(_drop, file=log, places=others)
    yield f"{log} has every second line", functools.partial(_drop, file=log, places=others[::2])
    of = [n for n, text in enumerate(base.raw[requests]) if json.loads(text)["atomic"] == atomic]
    yield f"{requests} has every second line", functools.partial(_drop, file=requests, places=of[::2])


_ACTION = re.compile(r'"Type": "container", "Action": "(?:create|start|die|exec_create|exec_start)\b')


def _within(line: str, asked: dict[str, Any]) -> bool:
    at = datetime.fromisoformat(line.partition('time="')[2].partition('"')[0]).timestamp()
    return bool(asked["sent"] - 0.001 <= at <= asked["answered"] + 0.001)


def _drop(draft: Draft, *, file: str, places: list[int]) -> None:
    draft.raw[file] = [line for n, line in enumerate(draft.raw[file]) if n not in places]
