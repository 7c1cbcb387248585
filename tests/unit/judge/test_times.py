"""Telemetry of another time than its capture's is refused, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from harness.errors import RecordingDamaged
from harness.judge.loading import load
from harness.kql.engine_choice import new_workspace
from harness.model.manifest import Manifest
from harness.recording import Recording, layout
from tests.conftest import Resealed

Line = Callable[[str], str]


def loaded(recording: Recording) -> None:
    load(new_workspace(recording.manifest.finished), recording, from_raw=True)


def each(change: Line) -> Callable[[list[str]], list[str]]:
    return lambda lines: [change(line) for line in lines]


def only(words: str, change: Line) -> Callable[[list[str]], list[str]]:
    return each(lambda line: change(line) if words in line else line)


def stamp(seconds: int) -> Line:
    """An audit record's time, moved."""
    return lambda line: re.sub(r"audit\((\d+)\.", lambda found: f"audit({int(found[1]) + seconds}.", line)


def event(words: str, seconds: int) -> Callable[[list[str]], list[str]]:
    """All records of the audit events of which one has these words, moved."""

    def edit(lines: list[str]) -> list[str]:
        serials = {found[0] for line in lines if words in line and (found := re.search(r":\d+\)", line))}
        return [stamp(seconds)(line) if any(serial in line for serial in serials) else line for line in lines]

    return edit


def nanoseconds(seconds: int) -> Line:
    def move(found: re.Match[str]) -> str:
        return found[1] + str(int(found[2]) + seconds * 10 ** (len(found[2]) - 10)) + found[3]

    return lambda line: re.sub(r'("time(?:Nano)?": )(\d+)([,}])', move, line)


YEAR = 31536000
CASES = [
    (layout.AUDIT_LOG, each(stamp(-YEAR)), "before its capture began"),
    (layout.AUDIT_LOG, each(stamp(YEAR)), "after its capture was over"),
    (layout.AUDIT_LOG, event('a1="run"', -YEAR), "before its capture began"),
    (layout.AUDIT_LOG, event("livefire-canary-", YEAR), "after its capture was over"),
    (layout.AUDIT_LOG, each(stamp(-120)), "before its capture began"),
    (layout.DAEMON_EVENTS, each(nanoseconds(-YEAR)), "before its capture began"),
    (layout.DAEMON_EVENTS, each(nanoseconds(YEAR)), "after its capture was over"),
    (layout.DAEMON_LOG, each(lambda x: x.replace('time="2026-', 'time="2025-')), "before its capture began"),
    (layout.DAEMON_LOG, each(lambda x: x.replace('time="2026-', 'time="2027-')), "after its capture was over"),
    (layout.KUBE_AUDIT, each(lambda x: x.replace('"stageTimestamp":"2026-', '"stageTimestamp":"2025-')), "before its"),
    (
        layout.KUBE_AUDIT,
        only("-atomic-2", lambda x: x.replace('stageTimestamp":"2026', 'stageTimestamp":"2027')),
        "over",
    ),
    (layout.KUBE_AUDIT, only("-atomic-2", lambda x: x.replace('"stageTimestamp"', '"other"')), "has no time"),
]


@pytest.mark.parametrize(("file", "edit", "said"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_a_row_of_another_time_is_refused_at_its_line(
    resealed: Resealed, file: str, edit: Callable[[list[str]], list[str]], said: str
) -> None:
    with pytest.raises(RecordingDamaged, match="the recording contradicts itself: a row of ") as caught:
        loaded(resealed({file: edit}))
    assert said in caught.value.message
    assert re.search(rf"/{file}:\d+$", str(caught.value.at))


def test_evidence_from_before_its_attack_is_refused(resealed: Resealed, committed: Recording) -> None:
    """The capture took long enough, and the attack was run at its end."""

    def earlier(manifest: Manifest) -> Manifest:
        before = timedelta(minutes=9)
        sensors = [
            each.model_copy(
                update={
                    "before": each.before.model_copy(update={"time": each.before.time - before}),
                    "marks": [
                        each.marks[0].model_copy(update={"emitted": each.marks[0].emitted - before}),
                        *each.marks[1:],
                    ],
                }
            )
            for each in manifest.sensors
        ]
        return manifest.model_copy(update={"started": manifest.started - before, "sensors": sensors})

    attack = committed.manifest.detonations[0].attack
    assert attack
    loaded(resealed(manifest=earlier))
    early = event(f" ses={attack.session} ", -300)
    with pytest.raises(RecordingDamaged, match=r"T1059\.013/docker-container-execution.*and that was run 2026-11-24"):
        loaded(resealed({layout.AUDIT_LOG: early}, earlier))


def test_a_real_recording_is_of_its_time(committed: Recording) -> None:
    loaded(committed)
