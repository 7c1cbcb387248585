"""An interrupt while the lab starts, in each way: exit 130, no traceback, no hang, nothing left.

The long form, 150 tries in small steps, is run by night; with other steps: `python -m tests.lab.interrupting`.
"""

from __future__ import annotations

import pytest

from tests.lab.conftest import PROJECT, Livefire, changed, footprint
from tests.lab.interrupting import RUN, WAYS, interrupt, tries
from tests.lab.test_sabotage import CONTROL
from tests.unit.cli.test_interrupted_anywhere import faults, interrupted

STEP = 53  # lines


@pytest.mark.parametrize("after", [0.6, 1.7, 2.3])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_whenever_and_however_a_start_is_interrupted(
    livefire: Livefire, way: str, after: float
) -> None:
    scratch = livefire.state.with_name("t")
    scratch.mkdir()
    ended = interrupt(livefire, way, after, RUN, scratch)
    assert ended.faults() == [], ended.said
    assert ended.code == 130, ended.said
    if way != "terminal":
        assert "what was made has been undone" in ended.said


def test_many_interrupts_do_not_keep_it_from_being_undone(livefire: Livefire) -> None:
    scratch = livefire.state.with_name("t")
    scratch.mkdir()
    ended = interrupt(livefire, "ten times SIGINT", 3.0, ("lab", "up"), scratch)
    assert ended.faults() == [], ended.said


@pytest.mark.night
@pytest.mark.timeout(1800)
def test_a_capture_is_ended_before_some_of_its_lines() -> None:
    before = footprint()
    words = ("capture", CONTROL, "-o", "r", "--docker", "none", "--cluster", "none")
    undisturbed, *ends = interrupted(0, (*words, "--atomics", str(PROJECT / "atomics")), STEP)
    assert undisturbed["code"] == 0, undisturbed
    assert len(ends) > 20
    for each in ends:
        recorded = any(path.startswith("r/raw/") for path in each["left"])
        each["left"] = [path for path in each["left"] if not recorded or path.partition("/")[0] != "r"]
    assert [fault for each in ends for fault in faults(each)] == []
    assert changed(before) == {}


@pytest.mark.night
@pytest.mark.timeout(2400)
def test_150_tries_in_small_steps() -> None:
    faulty = [each for each in tries(150, first=0.4, step=0.03) if each.faults()]
    assert faulty == [], "\n".join(f"{each}\n{each.said}" for each in faulty)
