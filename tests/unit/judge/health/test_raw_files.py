"""The raw files of a recording: where canaries stand in them, what is damaged, and what they tell of containers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.judge.health.raw_files import RawFile, files_of, untold_containers
from harness.model.manifest import Check, LabPart, Manifest, Mark, SensorRecord
from harness.recording import Recording, layout

A, B = "a" * 64, "b" * 64
NOW = datetime(2026, 1, 2, tzinfo=UTC)
BRACKETS = "[" * 100_000


@pytest.fixture
def manifest(committed: Recording) -> Manifest:
    return committed.manifest


def written(root: Path, name: str, *lines: str) -> Path:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return root


def sensor(name: str, *files: str, **readings: Any) -> SensorRecord:
    check = Check(time=NOW, ok=True, readings=readings)
    return SensorRecord.model_validate({"name": name, "files": files, "before": check, "after": check, "marks": []})


def one_of(root: Path, manifest: Manifest, name: str) -> RawFile:
    (found,) = [each for each in files_of(root, manifest, sensor("auditd", name)) if each.name == name]
    return found


def mark(token: str) -> Mark:
    return Mark(label="", token=token, emitted=NOW, seen=None)


def test_the_line_of_a_canary_is_the_first_that_it_stands_in(tmp_path: Path, manifest: Manifest) -> None:
    written(
        tmp_path, "raw/x.log", "", "livefire-canary-0a livefire-canary-0b", "livefire-canary-0a", "livefire-canary-"
    )
    file, _ = [
        each for each in files_of(tmp_path, manifest, sensor("auditd", "raw/x.log")) if each.name != layout.ALIVE
    ]
    assert file == RawFile("raw/x.log", {"livefire-canary-0a": 2, "livefire-canary-0b": 2}, [])
    assert file.end == 2
    assert file.line_of(mark("livefire-canary-0b"), 7) == 2
    assert file.line_of(mark("livefire-canary-0c"), 7) == 7
    assert file.line_of(None, 7) == 7


@pytest.mark.parametrize(
    ("tokens", "first", "last", "lines"),
    [
        ({"a": 3, "b": 9}, 4, 6, [1, 5, 12]),  # before the first canary and after the last nothing brackets it
        ({"a": 3, "b": 9}, 5, 5, [1, 5, 12]),
        ({"a": 3, "b": 9}, 6, 7, [1, 12]),
        ({"a": 1, "b": 12}, 6, 7, []),
        ({"a": 1, "b": 11}, 6, 7, [12]),
        ({"a": 2, "b": 12}, 6, 7, [1]),
        ({}, 6, 7, [1, 5, 12]),
    ],
)
def test_a_torn_line_of_the_audit_log_costs_what_is_around_it(
    tokens: dict[str, int], first: int, last: int, lines: list[int]
) -> None:
    file = RawFile(layout.AUDIT_LOG, tokens, [1, 5, 12])
    assert file.damage(first, last) == [f"line {line} of {layout.AUDIT_LOG} is damaged" for line in lines]


def test_a_torn_line_counts_wherever_it_is_if_nobody_asks_where() -> None:
    file = RawFile(layout.AUDIT_LOG, {"a": 1, "b": 5}, [1, 3])
    assert file.damage() == [f"line {line} of {layout.AUDIT_LOG} is damaged" for line in (1, 3)]


LOGGED = r'time="2026-01-02T00:00:00.1Z" level=debug msg="Calling GET /x \"y\" \\" a.b=c d="e f"'
TRACE = ["2026/01/02 00:00:00 http: panic serving @: no", "goroutine 7 [running]:", "\tmain.go:1 +0x2"]


@pytest.mark.parametrize(
    ("lines", "damaged"),
    [
        ([LOGGED, LOGGED, "", 'time="x" level=info msg=plain', 'time="x" level=info msg='], []),
        ([LOGGED, *TRACE, LOGGED], []),
        ([LOGGED, LOGGED[:-1], LOGGED], [2]),
        ([LOGGED[:40], LOGGED], [1]),
        ([LOGGED + LOGGED], [1]),
        ([LOGGED, "\0\0\0", LOGGED + "\r", "x", LOGGED], [2, 3, 4]),
        ([TRACE[0], LOGGED, TRACE[1]], [3]),
        (['time="x" level=info'], [1]),
    ],
)
def test_a_line_that_the_docker_daemon_does_not_log_is_damaged(
    tmp_path: Path, manifest: Manifest, lines: list[str], damaged: list[int]
) -> None:
    written(tmp_path, layout.DAEMON_LOG, *lines)
    assert one_of(tmp_path, manifest, layout.DAEMON_LOG).damaged == damaged


def test_the_line_that_the_docker_daemon_was_writing_in_the_end_is_none(tmp_path: Path, manifest: Manifest) -> None:
    path = written(tmp_path, layout.DAEMON_LOG, LOGGED) / layout.DAEMON_LOG
    path.write_text(path.read_text() + LOGGED[:40])
    assert one_of(tmp_path, manifest, layout.DAEMON_LOG).damaged == []


def test_any_other_damage_costs_all_and_three_lines_of_it_are_told() -> None:
    file = RawFile(layout.DAEMON_EVENTS, {"a": 1, "b": 99}, [5, 6, 7, 8])
    assert file.damage(50, 60) == [f"line {line} of {layout.DAEMON_EVENTS} is damaged" for line in (5, 6, 7)]


@pytest.mark.parametrize(
    ("name", "own", "further"),
    [
        ("auditd", layout.AUDIT_LOG, layout.ALIVE),
        ("docker_daemon", layout.DAEMON_LOG, layout.DAEMON_REQUESTS),
        ("kube_audit", layout.KUBE_AUDIT, layout.KUBE_PODS),
    ],
)
def test_which_files_a_sensor_answers_for(
    tmp_path: Path, manifest: Manifest, name: str, own: str, further: str
) -> None:
    """Those that it names, one on which attribution rests, and when all were read."""
    for files in ([own], [own, further], [further, own]):
        found = [each.name for each in files_of(tmp_path, manifest, sensor(name, *files))]
        assert sorted(found) == sorted([own, further, layout.ARRIVALS])


@pytest.mark.parametrize(("count", "whole"), [(2, True), (1, False), (3, False), (None, True), (0, False)])
@pytest.mark.parametrize(
    ("name", "own", "file"),
    [("auditd", layout.AUDIT_LOG, layout.ALIVE), ("kube_audit", layout.KUBE_AUDIT, layout.KUBE_PODS)],
)
def test_as_many_lines_are_there_as_were_written(
    tmp_path: Path, manifest: Manifest, name: str, own: str, file: str, count: int | None, whole: bool
) -> None:
    """Who was there is counted before, and which pods there were after. A file that is named has canaries instead."""
    line = {layout.ALIVE: RESIDENT, layout.KUBE_PODS: item(**POD)}[file]
    written(tmp_path, file, line, line)
    counts = {"alive": (count, None), "pods": (None, count)}
    record = sensor(name, own)
    before, after = ({key: of[when] for key, of in counts.items()} for when in (0, 1))
    record = record.model_copy(
        update={
            "before": record.before.model_copy(update={"readings": before}),
            "after": record.after.model_copy(update={"readings": after}),
        }
    )
    lacking = RawFile(file, {}, [], [f"{file} is missing or incomplete"])
    assert [each for each in files_of(tmp_path, manifest, record) if each.missing] == ([] if whole else [lacking])
    named = record.model_copy(update={"files": [own, file]})
    assert not [each for each in files_of(tmp_path, manifest, named) if each.missing]


@pytest.mark.parametrize(
    ("name", "recorded", "count", "told"),
    [
        ("auditd", ["alive"], 1, True),
        ("auditd", ["alive"], 0, False),
        ("auditd", ["alive"], None, False),
        ("auditd", [], None, True),
        ("docker_daemon", ["alive"], None, True),
    ],
)
def test_how_much_was_written_of_who_was_there_is_told(
    tmp_path: Path, manifest: Manifest, name: str, recorded: list[str], count: int | None, told: bool
) -> None:
    written(tmp_path, layout.ALIVE, *[RESIDENT] * (count or 0))
    written(tmp_path, layout.DAEMON_REQUESTS, REQUEST)
    found = files_of(tmp_path, manifest.model_copy(update={"recorded": recorded}), sensor(name, alive=count))
    untold = RawFile(layout.ALIVE, missing=[f"the number of lines of {layout.ALIVE} was not noted"])
    assert [each for each in found if each.missing] == ([] if told else [untold])


@pytest.mark.parametrize("attacked", [True, False])
def test_requests_are_there_where_something_attacked(tmp_path: Path, manifest: Manifest, attacked: bool) -> None:
    if not attacked:
        blank = [each.model_copy(update={"attack": None}) for each in manifest.detonations]
        manifest = manifest.model_copy(update={"detonations": blank})
    found = files_of(tmp_path, manifest, sensor("docker_daemon", layout.DAEMON_LOG))
    missing = [text for each in found for text in each.missing]
    assert missing == ([f"{layout.DAEMON_REQUESTS} is missing or empty"] if attacked else [])
    written(tmp_path, layout.DAEMON_REQUESTS, REQUEST)
    assert not any(each.missing for each in files_of(tmp_path, manifest, sensor("docker_daemon", layout.DAEMON_LOG)))


@pytest.mark.parametrize(
    ("kind", "attacked", "missed"),
    [("kind", True, True), ("kind", False, False), ("control-plane", True, False), (None, True, False)],
)
def test_pods_are_there_where_something_attacked_a_cluster_with_nodes(
    tmp_path: Path, manifest: Manifest, kind: str | None, attacked: bool, missed: bool
) -> None:
    part = LabPart(kind=kind, name="x", version="1", reason="") if kind else None
    update: dict[str, Any] = {"lab": manifest.lab.model_copy(update={"cluster": part})}
    if not attacked:
        update["detonations"] = [each.model_copy(update={"attack": None}) for each in manifest.detonations]
    found = files_of(tmp_path, manifest.model_copy(update=update), sensor("kube_audit", layout.KUBE_AUDIT))
    missing = [text for each in found for text in each.missing]
    assert missing == ([f"{layout.KUBE_PODS} is missing or empty"] if missed else [])


def item(**values: Any) -> str:
    return json.dumps(values)


WHO = {"pid": 7, "parent": 1, "started": 1.5, "name": "x", "path": "/x", "session": None, "contained": False}
RESIDENT = item(**WHO, ours=False, asked_at=[])
ASKED = {"atomic": "T1/a", "sent": 1.0, "answered": 2.0, "method": "POST", "path": "/x", "status": 200}
REQUEST = item(**ASKED)
ARRIVAL = {"file": "raw/x", "offset": 7, "time": 1.5}
POD = {"time": 1.5, "namespace": "web", "name": "box", "uid": "u", "container_ids": [A]}
EVENT = {"Type": "container", "Action": "die", "Actor": {"ID": A, "Attributes": {"exitCode": "0"}}, "timeNano": 1}
TEXT = "".join(chr(each) for each in range(32, 126))


@pytest.mark.parametrize(
    ("file", "whole", "damaged"),
    [
        (
            layout.DAEMON_EVENTS,
            [item(event=EVENT), " ", item(event=EVENT, inspect={"Mounts": []}, received=1.5)],
            ["[]", "7", "{", "\udcff", BRACKETS, "{}", "null", item(event=[]), item(event=EVENT, inspect="x")]
            + [item(event=EVENT | {key: None}) for key in EVENT]
            + [item(event=EVENT | {"timeNano": odd}) for odd in (True, "1", 1.5, -1)],
        ),
        (layout.DAEMON_REQUESTS, [REQUEST], ["{}", "{", "\udcff", BRACKETS, item(**ASKED | {"sent": "x"})]),
        (
            layout.ALIVE,
            [RESIDENT],
            ["{}", "{", "\udcff", BRACKETS, item(**WHO, ours=False, asked_at=[]).replace("1.5", "NaN")],
        ),
        (
            layout.ARRIVALS,
            [item(**ARRIVAL), item(**ARRIVAL | {"time": 1})],
            ["{", "[]", BRACKETS, *(item(**ARRIVAL | {key: None}) for key in ARRIVAL)]
            + [item(**{name: value for name, value in ARRIVAL.items() if name != key}) for key in ARRIVAL],
        ),
        (
            layout.KUBE_PODS,
            [item(**POD), item(**POD | {"container_ids": [], "time": 1})],
            [
                "{",
                "[]",
                BRACKETS,
                *(item(**POD | {key: None}) for key in POD),
                *(item(**POD | {key: ""}) for key in POD),
            ]
            + [item(**POD | {"container_ids": ids}) for ids in ([A[1:]], [A, 7], [f"{A}a"])]
            + [item(**{name: value for name, value in POD.items() if name != key}) for key in POD],
        ),
        (layout.AUDIT_LOG, ["type=EOE msg=audit(1.000:7): \x1dUID=\udcff", ""], ["x", "type=EOE msg=audit(1.0:7): "]),
        (layout.DAEMON_LOG, [LOGGED], [TEXT]),
    ],
)
def test_which_lines_are_damaged(
    tmp_path: Path, manifest: Manifest, file: str, whole: list[str], damaged: list[str]
) -> None:
    written(tmp_path, file, *whole, *damaged)
    (found,) = {
        each.name: each for each in files_of(tmp_path, manifest, sensor("auditd", file)) if each.name == file
    }.values()
    assert found.damaged == [len(whole) + 1 + place for place in range(len(damaged))]
    assert found.damage() == [f"line {line} of {file} is damaged" for line in found.damaged[:3]]


def test_a_request_tells_by_whom_it_was_where_that_is_recorded(tmp_path: Path, manifest: Manifest) -> None:
    written(tmp_path, layout.DAEMON_REQUESTS, item(**ASKED, peer={"pid": 7}), "", REQUEST, "\udcff")
    for recorded, damaged in (["peers"], [3, 4]), ([], [4]):
        of = manifest.model_copy(update={"recorded": recorded})
        assert one_of(tmp_path, of, layout.DAEMON_REQUESTS).damaged == damaged


def event(container: str, action: str = "create", inspect: Any = None) -> str:
    return item(event={"Type": "container", "Action": action, "Actor": {"ID": container}}, inspect=inspect)


def asked(atomic: str = "T1/a", **more: Any) -> str:
    return item(**ASKED | {"atomic": atomic} | more)


def test_containers_of_which_nobody_knows_what_they_may_do(tmp_path: Path) -> None:
    """Neither an inspect came through, nor does the request tell it. What is damaged is for the health to say."""
    asking = asked(container_id=A), asked("T1/b", container_id=B), asked()
    written(tmp_path, layout.DAEMON_REQUESTS, *asking, asked("T1/c", container_id="d" * 64, config={}), "{", "\udcff")
    odd = [BRACKETS, '{"event": {"Action": "create"}, "inspect": null}', '"create" "inspect": null', "[]"]
    events = [event(A), *odd, event(B), event("d" * 64), event("e" * 64)]
    written(tmp_path, layout.DAEMON_EVENTS, *events)
    assert untold_containers(tmp_path) == {A, B, "e" * 64}  # whoever made it
    written(tmp_path, layout.DAEMON_EVENTS, event(A, inspect={}), event(B, "start"))
    assert untold_containers(tmp_path) == frozenset()
    network = item(event={"Type": "network", "Action": "create", "Actor": {"ID": A}}, inspect=None)
    written(tmp_path, layout.DAEMON_EVENTS, network)
    assert untold_containers(tmp_path) == frozenset()
