"""Odd values in each raw file of a recording: no crash, and no verdict that rests on them is PROVEN.

What the judge reads of a line has a shape; a line without it is damaged, and so the sensor is not well.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from harness.errors import LivefireError
from harness.judge.effect import effect_of
from harness.judge.health.health import Health
from harness.kql.engine_choice import new_workspace
from harness.recording import layout, open_recording
from harness.telemetry.readers.line_shapes import DAEMON_EVENT, KUBE_EVENT
from tests.conftest import COMMITTED, MAIN_JOB, PROJECT
from tests.soundness.draft import REFUSED, Base, Draft, base_of, cut, judged
from tests.soundness.sabotage import CLI

Path_ = tuple[str | int, ...]
# by file: what makes a line tell nothing any more, whatever else it holds
REQUEST = dict.fromkeys(("atomic*", "method*", "path*"), str) | dict.fromkeys(("sent*", "answered*", "status*"), int)
RESIDENT = dict.fromkeys(("name*", "path*"), str) | dict.fromkeys(("pid*", "parent*", "started*"), int)
SHAPES: dict[str, dict[str, Any]] = {
    layout.DAEMON_EVENTS: DAEMON_EVENT,
    layout.KUBE_AUDIT: KUBE_EVENT,
    layout.DAEMON_REQUESTS: REQUEST,
    layout.ALIVE: RESIDENT,
}
SENSOR = {
    layout.DAEMON_EVENTS: "docker_daemon",
    layout.KUBE_AUDIT: "kube_audit",
    layout.DAEMON_REQUESTS: "docker_daemon",
    layout.ALIVE: "auditd",
}
ODD = st.sampled_from(
    [
        '"x"',
        "true",
        "-1",
        "1.5",
        "1e999",
        "NaN",
        "9" * 40,
        "9" * 5000,
        "[]",
        "[null]",
        '{"a": 1}',
        "[" * 2000,
        '"\\ud800"',
    ]
)
FEW = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@functools.cache
def base(file: str) -> Base:
    if file != layout.ALIVE:
        return base_of(COMMITTED)
    return cut(base_of(PROJECT / "tests/recordings/whole-technique"), ["T1059.013/docker-show-version"])


def changed(line: str, place: Path_, odd: str) -> str:
    """The line with a value in a place, as it is written: what JSON has not can be written, too."""
    document = json.loads(line)
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = "@odd@"
    return json.dumps(document).replace('"@odd@"', odd) + "\n"


def places(value: Any, here: Path_ = ()) -> Iterator[Path_]:
    """Each place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*here, key)
        yield from places(each, (*here, key))


def shaped(value: Any, shape: Any, here: Path_ = ()) -> Iterator[Path_]:
    """Each place of which the shape says what must stand there."""
    if isinstance(shape, dict) and isinstance(value, dict):
        for key, inner in shape.items():
            name = key.removesuffix("*")
            if value.get(name) is not None:
                yield (*here, name)
                yield from shaped(value[name], inner, (*here, name))


def fits(odd: str, there: Any) -> bool:
    """Whether a value is of the kind that stood in its place: that is another value, and no odd one."""
    try:
        value = json.loads(odd)
    except (ValueError, RecursionError):
        return False
    if isinstance(there, float | int) and not isinstance(there, bool):
        return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < 1 << 62
    return isinstance(value, type(there))


def draft_of(file: str, number: int, line: str) -> Draft:
    draft = base(file).draft(CLI, MAIN_JOB)
    draft.raw[file][number] = line
    return draft


@pytest.mark.parametrize("file", [file for file in SHAPES if file != layout.ALIVE])
@FEW
@given(data=st.data(), odd=ODD)
def test_what_rests_on_an_odd_line_is_not_proven(file: str, data: st.DataObject, odd: str) -> None:
    lines = base(file).raw[file]
    number = data.draw(st.integers(0, len(lines) - 1), label="line")
    document = json.loads(lines[number])
    place = data.draw(st.sampled_from(sorted(shaped(document, SHAPES[file]))), label="place")
    there = functools.reduce(lambda holder, key: holder[key], place, document)
    if fits(odd, there):
        return
    outcome = judged(draft_of(file, number, changed(lines[number], place, odd)))
    if outcome.result is None:
        assert outcome.refused
        return
    for result in outcome.result.results:
        if SENSOR[file] in {health.sensor for health in result.health}:
            assert str(result.verdict) == "INCONCLUSIVE", (place, odd, result.verdict, result.reason)


@pytest.mark.parametrize("file", SHAPES)
@settings(FEW, max_examples=25)
@given(data=st.data(), odd=ODD)
def test_no_odd_value_in_any_place_is_a_crash(
    file: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, odd: str
) -> None:
    lines = base(file).raw[file]
    number = data.draw(st.integers(0, len(lines) - 1), label="line")
    place = data.draw(st.sampled_from(list(places(json.loads(lines[number])))), label="place")
    draft = draft_of(file, number, changed(lines[number], place, odd))
    draft.expectations = draft.expectations[:1]
    if file == layout.ALIVE:
        draft.expectations = []
        crash_free(draft, tmp_path_factory)
    else:
        assert judged(draft).of(MAIN_JOB[0])[0]


def crash_free(draft: Draft, folders: pytest.TempPathFactory) -> None:
    """Tables, health and effects of what no expectation of these speaks of."""
    from harness.judge.loading import load
    from harness.kql.limits import Limits
    from harness.model.manifest import Manifest
    from harness.recording import RecordingWriter

    writer = RecordingWriter(folders.mktemp("odd") / "recording")
    for name, lines in draft.raw.items():
        writer.file(name).write_text("".join(lines), errors="surrogateescape")
    writer.seal(Manifest.model_validate(draft.manifest))
    recording = open_recording(writer.path)
    workspace = new_workspace(recording.manifest.finished, Limits(threads=1))
    try:
        load(workspace, recording, from_raw=True)
    except LivefireError:
        return
    health = Health.of(recording.sealed, recording.manifest)
    for detonation in recording.manifest.detonations:
        effect_of(workspace, detonation.atomic)
        assert health.around(detonation, "auditd").sensor == "auditd"


@pytest.mark.parametrize("code", ['"200"', "200.0", "true", "-1", "9" * 30, "[200]", '{"code": 200}', "null"])
def test_an_answer_whose_status_is_no_number_is_no_answer(code: str) -> None:
    """`null` is a status that is not there, and then the effect was not observed.

    Anything else is damage; and the log tells whose a process in a pod is, so nothing is claimed of any atomic.
    """
    lines = base(layout.KUBE_AUDIT).raw[layout.KUBE_AUDIT]
    user = next(each["user"] for each in base_of().manifest["detonations"] if each["atomic"] == MAIN_JOB[2])
    draft = base_of().draft(CLI, MAIN_JOB)
    draft.raw[layout.KUBE_AUDIT] = [
        line.replace('"code":200', f'"code":{code}') if f'"{user}"' in line else line for line in lines
    ]
    assert draft.raw[layout.KUBE_AUDIT] != lines
    outcome = judged(draft)
    assert outcome.of(MAIN_JOB[2])[0] in {"INCONCLUSIVE", "NOT_EXECUTED", "NO_TELEMETRY", REFUSED}
    assert outcome.of(MAIN_JOB[0])[0] == ("PROVEN" if code == "null" else "INCONCLUSIVE")
