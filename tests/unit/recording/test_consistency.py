"""What a manifest may say of a capture, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from harness.model.manifest import Detonation, Execution, Manifest, Mark
from harness.recording import open_recording
from harness.recording.consistency import contradiction
from tests.conftest import COMMITTED

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
REAL = open_recording(COMMITTED).manifest
ATTACK = next(d.attack for d in REAL.detonations if d.attack)


def at(seconds: float) -> datetime:
    return STARTED + timedelta(seconds=seconds)


def execution(started: float, finished: float, role: str = "attack") -> Execution:
    update = {"started": at(started), "finished": at(finished), "role": role, "session": None, "canaries": []}
    return ATTACK.model_copy(update=update)


def detonation(atomic: str, *, attack: Execution | None = None, others: tuple[Execution, ...] = ()) -> Detonation:
    change = {"atomic": atomic, "attack": attack, "others": list(others), "user": None}
    return REAL.detonations[0].model_copy(update=change)


def mark(token: str, emitted: float, seen: float | None, label: str = "m") -> Mark:
    return Mark(label=label, token=token, emitted=at(emitted), seen=None if seen is None else at(seen))


def manifest(
    *detonations: Detonation,
    marks: tuple[Mark, ...] = (),
    finished: float = 600,
    looked: tuple[float, float] = (0, 600),
) -> Manifest:
    """Of a capture of ten minutes. `looked`: when its sensor was looked at before and after it."""
    real = REAL.sensors[0]
    checks = {
        "before": real.before.model_copy(update={"time": at(looked[0])}),
        "after": real.after.model_copy(update={"time": at(looked[1])}),
    }
    sensor = real.model_copy(update={"name": "auditd", "marks": list(marks)} | checks)
    change = {"started": STARTED, "finished": at(finished), "detonations": list(detonations), "sensors": [sensor]}
    return REAL.model_copy(update=change)


def test_a_real_one_is_consistent() -> None:
    assert contradiction(REAL) == ""


@pytest.mark.parametrize(
    "told",
    [
        manifest(),
        manifest(finished=0),
        manifest(detonation("a"), detonation("b"), marks=(mark("t", 1, None), mark("u", 1, 1))),
        manifest(detonation("a", attack=execution(5, 5))),
        manifest(detonation("a", attack=execution(-60, 660))),  # a clock that was set
        manifest(marks=(mark("t", 100, 40),)),
        # one thing at the end of another, and all that a clock may be off
        manifest(detonation("a", attack=execution(1, 5)), detonation("b", attack=execution(5, 6))),
        manifest(looked=(0, 0)),
        manifest(looked=(-600, 1200)),
        manifest(marks=(mark("t", -60, 1), mark("u", 660, 1200))),
        manifest(detonation("a", attack=execution(1, 5)), marks=(mark("t", 1, 2), mark("u", 5, 6, "after:a"))),
        manifest(detonation("a", attack=execution(1, 5)), marks=(mark("t", 0, 1, "after:b"),)),  # that was skipped
    ],
)
def test_what_can_be_is_not_refused(told: Manifest) -> None:
    assert contradiction(told) == ""


Told = Callable[[Execution], Manifest]
IN_EACH_PLACE: dict[str, Told] = {
    "attack": lambda made: manifest(detonation("a", attack=made)),
    "cleanup": lambda made: manifest(
        detonation("a", attack=execution(1, 2), others=(execution(0, 1, "prerequisite"), made))
    ),
    "prerequisite": lambda made: manifest(detonation("b"), detonation("a", others=(made,))),
}


@pytest.mark.parametrize("role", IN_EACH_PLACE)
@pytest.mark.parametrize(
    ("started", "finished", "said"),
    [
        (9, 8, "finished before it started"),
        (-61, 5, "was not during the capture"),
        (5, 661, "was not during the capture"),
        (5e8, 6e8, "was not during the capture"),
    ],
)
def test_each_shell_ran_forwards_and_during_the_capture(role: str, started: float, finished: float, said: str) -> None:
    assert contradiction(IN_EACH_PLACE[role](execution(started, finished, role))) == f"a: its {role} {said}"


def test_a_capture_runs_forwards() -> None:
    assert contradiction(manifest(finished=-1)) == "its capture finished before it started"


@pytest.mark.parametrize("times", [2, 3])
def test_an_atomic_is_detonated_once(times: int) -> None:
    told = manifest(detonation("b"), *[detonation("a")] * times)
    said = f"a was detonated {times} times, so the evidence of one would prove the others"
    assert contradiction(told) == said


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([mark("u", 0, 1), mark("t", 1, 2), mark("t", 2, 3)], "there are 2 canaries of the token t"),
        ([mark("t", 5, 6), mark("u", 4, 5)], "the canaries of auditd are out of order"),
        ([mark("u", 0, 1), mark("t", 100, 39)], "auditd saw the canary t before it was emitted"),
        ([mark("u", 0, 1), mark("t", 301, 302)], "auditd: the canary t was emitted while a ran"),
    ],
)
def test_canaries_have_a_token_each_and_are_seen_after_they_were_emitted(marks: list[Mark], said: str) -> None:
    assert contradiction(manifest(detonation("a", attack=execution(300, 310)), marks=tuple(marks))) == said
