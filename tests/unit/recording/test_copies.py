"""Which recordings are made from which: by the canaries that they share."""

from __future__ import annotations

import pytest

from harness.recording import canaries, copied, copies, open_recording
from tests.conftest import COMMITTED, PROJECT

RECORDINGS = sorted(path for path in (PROJECT / "tests/recordings").iterdir() if path.is_dir())


@pytest.mark.parametrize(
    ("captures", "found"),
    [
        ([], {}),
        (["ab", "cd", ""], {}),
        (["ab", "ab", "ab"], {1: 0, 2: 0}),
        (["ab", "cd", "xd", "bx"], {2: 1, 3: 0}),
        # what is a copy of a copy is one of the first
        (["ab", "bc", "cd"], {1: 0, 2: 0}),
        (["", "", "a", "a"], {3: 2}),
    ],
)
def test_what_shares_a_canary_is_a_copy_of_the_first_that_has_it(captures: list[str], found: dict[int, int]) -> None:
    assert copies(captures) == found


def test_the_canaries_of_a_capture_are_those_of_sensors_attacks_and_containers() -> None:
    manifest = open_recording(PROJECT / "tests/recordings/whole-technique").manifest
    marks = [mark for sensor in manifest.sensors for mark in sensor.marks]
    attacks = [each.attack for each in manifest.detonations if each.attack]
    tokens = {mark.token for mark in marks} | {mark.contained for mark in marks if mark.contained}
    assert canaries(manifest) == tokens | {each.token for attack in attacks for each in attack.canaries}
    assert any(mark.contained for mark in marks)
    assert any(attack.canaries for attack in attacks)


def test_of_the_committed_recordings_one_is_a_copy_with_older_tables() -> None:
    found = [open_recording(path) for path in RECORDINGS]
    older = PROJECT / "tests/recordings/first-tables"
    assert [line.partition(":")[0] for line in copied(found)] == [str(older)]
    found = [each for each in found if each.path != older]
    assert copied([*found, open_recording(COMMITTED)]) == [
        f"{COMMITTED}: it has canaries of {COMMITTED}, so it is no capture of its own, and does not count"
    ]
