"""What a manifest can't say of a capture: whoever puts one together, or sets a clock, is refused."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RecordingDamaged
from harness.recording import open_recording
from tests.conftest import COMMITTED, PROJECT

Document = dict[str, Any]
WHOLE = PROJECT / "tests/recordings/whole-technique"


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Callable[[Document], object]], Path]:
    """A copy of the committed recording with its manifest changed, and sealed anew."""

    def make(change: Callable[[Document], object]) -> Path:
        folder = Path(shutil.copytree(COMMITTED, tmp_path / "copy"))
        document = json.loads((folder / "manifest.json").read_text())
        unchanged = copy.deepcopy(document)
        change(document)
        assert document != unchanged
        text = json.dumps(document)
        (folder / "manifest.json").write_text(text)
        (folder / "seal").write_text(hashlib.sha256(text.encode()).hexdigest() + "\n")
        return folder

    return make


def later(time: str, seconds: float) -> str:
    return (datetime.fromisoformat(time) + timedelta(seconds=seconds)).isoformat()


def shift(part: Document, seconds: float, *keys: str) -> None:
    for key in keys or ("started", "finished"):
        part[key] = later(part[key], seconds)


def attack(document: Document, number: int = 0) -> Document:
    found: Document = document["detonations"][number]["attack"]
    return found


def swap(items: list[Any], one: int, other: int) -> None:
    items[one], items[other] = items[other], items[one]


def marks(document: Document) -> list[Document]:
    found: list[Document] = document["sensors"][0]["marks"]
    return found


def during(document: Document) -> None:
    """The canary after the first atomic, emitted while that ran."""
    started = datetime.fromisoformat(attack(document)["started"])
    middle = started + (datetime.fromisoformat(attack(document)["finished"]) - started) / 2
    marks(document)[1].update(emitted=middle.isoformat())


def behind_the_next(document: Document) -> None:
    """The canaries after the first and the second atomic change their names."""
    one, other = marks(document)[1:3]
    one["label"], other["label"] = other["label"], one["label"]


def overlapping(document: Document) -> None:
    attack(document)["finished"] = later(attack(document, 1)["started"], 0.001)


def shared(key: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        attack(document, 1)[key] = attack(document)[key]

    return change


def token_of_an_attack(document: Document) -> None:
    canary = {"when": "before", "name": "true", "token": marks(document)[0]["token"], "pid": 1}
    attack(document)["canaries"] = [canary]


CONTRADICTIONS: list[tuple[Callable[[Document], object], str]] = [
    (lambda d: d.update(started=d["finished"], finished=d["started"]), "finished before it started"),
    (lambda d: shift(d, -31536000, "started", "finished"), "was not during the capture"),
    (lambda d: d["detonations"].append(d["detonations"][0]), "was detonated 2 times"),
    (lambda d: d["detonations"][0].update(user=d["detonations"][2]["user"]), "2 atomics have the Kubernetes user"),
    (lambda d: attack(d).update(session=attack(d, 1)["session"]), "2 commands have the audit session"),
    (lambda d: d["detonations"][1]["others"][0].update(session=attack(d)["session"]), "2 commands have the audit"),
    (lambda d: attack(d).update(started=attack(d)["finished"], finished=attack(d)["started"]), "finished before it st"),
    (lambda d: shift(attack(d), -31536000), "its attack was not during the capture"),
    (lambda d: shift(attack(d), 31536000), "its attack was not during the capture"),
    (
        lambda d: swap(d["detonations"], 0, 1),
        "before the cleanup of T1059.013/docker-privileged-container-creation was",
    ),
    (overlapping, "started before the attack of"),
    (lambda d: d["sensors"].append(d["sensors"][0]), "there are 2 records of auditd"),
    (lambda d: d["sensors"][0]["before"].update(time="2025-11-24T11:55:23Z"), "auditd was not checked around"),
    (lambda d: d["sensors"][0]["after"].update(time="2027-11-24T11:55:23Z"), "auditd was not checked around"),
    (
        lambda d: d["sensors"][0]["after"].update(time=later(d["sensors"][0]["before"]["time"], -1)),
        "auditd has a check after the capture that is earlier",
    ),
    (lambda d: swap(marks(d), 1, 2), "the canaries of auditd are out of order"),
    (lambda d: shift(marks(d)[0], -31536000, "emitted", "seen"), "was not emitted during the capture"),
    (lambda d: shift(marks(d)[-1], 31536000, "emitted", "seen"), "was not emitted during the capture"),
    (lambda d: shift(marks(d)[1], -61, "seen"), "before it was emitted"),
    (lambda d: shift(marks(d)[1], 31536000, "seen"), "long after the capture"),
    (during, "was emitted while T1059.013/docker-container-execution ran"),
    (behind_the_next, "was not emitted after T1059.013/docker-privileged-container-creation"),
    (lambda d: marks(d)[1].update(token=marks(d)[0]["token"]), "there are 2 canaries of the token"),
    (lambda d: d["sensors"][1]["marks"][0].update(token=marks(d)[0]["token"]), "there are 2 canaries of the token"),
    (lambda d: d["detonations"][0].update(skipped="no docker"), "was skipped, but it was run"),
    (lambda d: d["detonations"][0].update(attack=None, lost=True), "was lost, but nothing says why"),
    (lambda d: d["detonations"][0].update(variant={"of": "T1/a", "family": "f", "name": "n"}), "the variant T1/a~f.n"),
    (token_of_an_attack, "there are 2 canaries of the token"),
    (lambda d: attack(d).update(role="cleanup"), "what is recorded as its attack is its cleanup"),
    (
        lambda d: d["detonations"][0]["others"][0].update(role="attack"),
        "docker-container-execution has a further attack",
    ),
    (lambda d: d["harness_users"].append(d["detonations"][2]["user"]), "has a Kubernetes user of Livefire's, system:"),
    (lambda d: attack(d).update(pid=d["harness_pid"]), "its attack has the pid of Livefire"),
    (lambda d: d["lab"].update(cluster=None), "there is a record of kube_audit, but what it watches was no part of"),
    (lambda d: d["lab"].update(docker=None), "there is a record of docker_daemon, but what it watches was no part"),
    (lambda d: d["sensors"][0].update(files=[]), "raw/auditd.log is not among the files of auditd"),
    (lambda d: d["sensors"][1]["files"].remove("raw/docker-events.jsonl"), "raw/docker-events.jsonl is not among"),
    (lambda d: d["sensors"][1]["files"].remove("raw/docker-daemon.log"), "raw/docker-daemon.log is not among"),
    (lambda d: d.update(recorded=["peers"]), "raw/docker-requests.jsonl is not among the files of docker_daemon"),
    (lambda d: d["sensors"][2].update(files=["raw/kube-pods.jsonl"]), "raw/kube-audit.jsonl is not among"),
]


@pytest.mark.parametrize(("change", "said"), CONTRADICTIONS, ids=[str(n) for n in range(len(CONTRADICTIONS))])
def test_what_contradicts_itself_is_refused(
    edited: Callable[[Callable[[Document], object]], Path], change: Callable[[Document], object], said: str
) -> None:
    with pytest.raises(RecordingDamaged, match=r"manifest\.json: the manifest contradicts itself: ") as caught:
        open_recording(edited(change))
    assert said in caught.value.message


def test_the_log_of_a_hosts_daemon_is_not_read(edited: Callable[[Callable[[Document], object]], Path]) -> None:
    def change(document: Document) -> None:
        document["lab"]["docker"]["kind"] = "host"
        document["sensors"][1]["files"].remove("raw/docker-daemon.log")

    open_recording(edited(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(started="2026-11-24T11:55:23"),
        lambda d: attack(d).update(started=17),
        lambda d: marks(d)[0].update(emitted="yesterday"),
    ],
)
def test_a_time_without_its_zone_is_none(
    edited: Callable[[Callable[[Document], object]], Path], change: Callable[[Document], object]
) -> None:
    with pytest.raises(RecordingDamaged):
        open_recording(edited(change))


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_the_first_and_the_last_year_are_times_like_others(
    edited: Callable[[Callable[[Document], object]], Path], year: str
) -> None:
    def change(document: Document) -> None:
        document.update(json.loads(json.dumps(document).replace("2026-11-24T", f"{year}-01-01T")))

    open_recording(edited(change))


@pytest.mark.parametrize("path", [COMMITTED, WHOLE, PROJECT / "tests/recordings/first-tables"])
def test_what_was_captured_contradicts_nothing(path: Path) -> None:
    open_recording(path)
