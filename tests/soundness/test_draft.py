"""A draft, and what is cut out of a recording for it, hold all that the recording holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.recording import layout, open_recording
from tests.conftest import COMMITTED, PROJECT
from tests.soundness.draft import base_of, cut, judged
from tests.soundness.sabotage import CLI

RECORDINGS = [COMMITTED, PROJECT / "tests/recordings/whole-technique"]
ATOMIC = "T1059.013/docker-container-execution"


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_every_file_of_a_recording_is_known_and_carried(path: Path) -> None:
    held = {name for name in open_recording(path).manifest.files if name.startswith("raw/")}
    assert held <= set(layout.LOGS)
    base = base_of(path)
    assert base.raw.keys() == cut(base, [ATOMIC]).raw.keys() == held - {layout.ARRIVALS}


def test_a_log_of_another_lab_is_carried_too() -> None:
    base = base_of()
    every = replace(base, raw={name: base.raw.get(name, ["{}\n"]) for name in layout.LOGS})
    held = cut(every, [ATOMIC]).raw
    assert held.keys() == set(layout.LOGS)
    assert all(held.values())


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_what_was_cut_out_is_judged_as_in_the_whole(path: Path) -> None:
    found = judged(cut(base_of(path), [ATOMIC]).draft(CLI, [ATOMIC]))
    assert found.of(ATOMIC) == ("PROVEN", "executed, seen, fired, and exactly these flags")
