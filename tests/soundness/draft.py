"""A recording that can be changed: its manifest as JSON, its raw logs as lines. It is sealed anew and judged."""

from __future__ import annotations

import copy
import functools
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import LivefireError
from harness.files.expectation_file import load_expectations
from harness.judge.lint import Sound
from harness.judge.prove import prove
from harness.judge.rule_proof import settled
from harness.kql.limits import Limits
from harness.model.expectation import Expectation
from harness.model.manifest import Manifest
from harness.model.result import Result
from harness.recording import RecordingWriter, layout, open_recording
from tests.conftest import COMMITTED, PROJECT

RULES = PROJECT / "expectations/T1059.013"
REFUSED, NOT_JUDGED, BACKGROUND, UNPROVEN = "REFUSED", "NOT_JUDGED", "BACKGROUND", "UNPROVEN RULE"


@dataclass
class Draft:
    """`raw` maps each file to its lines, line ends kept. `unsealed` is done to the folder after it was sealed."""

    manifest: dict[str, Any]
    raw: dict[str, list[str]]
    expectations: list[Expectation]
    stored: Path | None = None
    from_raw: bool = True
    unsealed: Callable[[Path], None] | None = None

    def detonation(self, atomic: str) -> dict[str, Any]:
        """The manifest's record of an atomic."""
        return next(each for each in self.manifest["detonations"] if each["atomic"] == atomic)

    def sensor(self, name: str) -> dict[str, Any]:
        """The manifest's record of a sensor."""
        return next(each for each in self.manifest["sensors"] if each["name"] == name)

    def expect(self, **update: object) -> None:
        """Change the entry of each expectation."""
        self.expectations = [replace(e, entry=e.entry.model_copy(update=update)) for e in self.expectations]

    def query(self, change: Callable[[str], str]) -> None:
        """Change the rule's KQL."""
        self.expectations = [
            replace(each, rule=each.rule.with_query(change(each.rule.query))) for each in self.expectations
        ]


@dataclass(frozen=True)
class Outcome:
    """What came out under one rule: verdicts and reasons by atomic, or why the recording was refused."""

    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: str = ""
    background: int = 0
    result: Result | None = None

    def of(self, atomic: str) -> tuple[str, str]:
        """The verdict on an atomic and its reason."""
        if self.refused:
            return REFUSED, self.refused
        return self.verdicts.get(atomic, (NOT_JUDGED, ""))


@dataclass(frozen=True)
class Base:
    """A real recording, unchanged."""

    manifest: dict[str, Any]
    raw: dict[str, list[str]]
    stored: Path | None = None

    @property
    def atomics(self) -> list[str]:
        """What was detonated."""
        return [str(each["atomic"]) for each in self.manifest["detonations"] if each["attack"]]

    def draft(self, rule: str, atomics: Sequence[str]) -> Draft:
        """A copy to change, with what a rule expects of some atomics."""
        of = {atomic.partition("~")[0] for atomic in atomics}
        chosen = [each for each in expectations(rule) if each.atomic in of]
        raw = {name: list(lines) for name, lines in self.raw.items()}
        return Draft(copy.deepcopy(self.manifest), raw, chosen, self.stored)


@functools.cache
def expectations(rule: str) -> tuple[Expectation, ...]:
    """All expectations of one of our rules."""
    return tuple(load_expectations(RULES / f"{rule}.expect.yaml"))


@functools.cache
def base_of(path: Path = COMMITTED) -> Base:
    """Read a recording once."""
    recording = open_recording(path)
    # not raw/arrivals.jsonl: its offsets fit the original only
    names = [name for name in layout.LOGS if name in recording.manifest.files and name != layout.ARRIVALS]
    raw = {name: _lines(recording.read(name).decode(errors="surrogateescape")) for name in names}
    manifest = json.loads(recording.manifest.model_dump_json(by_alias=True))
    return Base(manifest, raw, path / "tables")


def _lines(text: str) -> list[str]:
    """Line ends kept. Not `splitlines`: that would cut at a CR and at a group separator, too."""
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])


_WHOLE = (layout.ALIVE, layout.KUBE_PODS)  # who is who: what is told of one may be asked of each later


def cut(base: Base, atomics: Sequence[str]) -> Base:
    """What one recording holds of some atomics: each log from the canaries before them to those after them."""
    manifest = copy.deepcopy(base.manifest)
    manifest["detonations"] = [each for each in manifest["detonations"] if each["atomic"] in atomics]
    raw = {name: base.raw[name] for name in layout.LOGS if name in base.raw}
    # a few of others', too: a lab in which nothing at all was asked is suspicious
    requests = base.raw[layout.DAEMON_REQUESTS]
    spans = _times(manifest, "docker_daemon")
    raw[layout.DAEMON_REQUESTS] = [
        line
        for n, line in enumerate(requests)
        if n < 3 or (asked := json.loads(line))["atomic"] in atomics or any(a <= asked["sent"] <= b for a, b in spans)
    ]
    for sensor in manifest["sensors"]:
        around = [_around(sensor["marks"], each["attack"]) for each in manifest["detonations"]]
        kept = sorted({place for span in around for place in span})
        for name in [name for name in sensor["files"] if name not in _WHOLE]:
            raw[name] = _spans(base.raw[name], [_tokens([sensor["marks"][n] for n in span]) for span in around])
        sensor["marks"] = [sensor["marks"][place] for place in kept]
    return Base(manifest, raw)


def _around(marks: list[dict[str, Any]], attack: dict[str, Any]) -> tuple[int, int]:
    before = max(n for n, mark in enumerate(marks) if mark["emitted"] <= attack["started"])
    return before, min(n for n, mark in enumerate(marks) if mark["emitted"] >= attack["finished"])


def _times(manifest: dict[str, Any], sensor: str) -> list[tuple[float, float]]:
    """From when the canary before each attack was emitted, until that after it was seen; seconds, epoch."""
    marks = next(each for each in manifest["sensors"] if each["name"] == sensor)["marks"]
    around = [_around(marks, each["attack"]) for each in manifest["detonations"]]
    moments = [(marks[first]["emitted"], marks[last]["seen"]) for first, last in around]
    return [(datetime.fromisoformat(a).timestamp(), datetime.fromisoformat(b).timestamp()) for a, b in moments]


def _tokens(marks: list[dict[str, Any]]) -> list[str]:
    return [token for mark in marks for token in (mark["token"], mark["contained"]) if token]


def _spans(lines: list[str], spans: list[list[str]]) -> list[str]:
    kept: set[int] = set()
    for tokens in spans:
        standing = [n for n, line in enumerate(lines) if any(token in line for token in tokens)]
        kept |= set(range(max(standing[0] - 3, 0), standing[-1] + 4))
    return [line for n, line in enumerate(lines) if n in kept]


_SOUND = Sound()  # our own rules and expectations are checked once, changed ones each time
_LIMITS = Limits(threads=1)


def judged(draft: Draft) -> Outcome:
    """Seal a draft and judge it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "recording"
        try:
            writer = RecordingWriter(folder)
            for name, lines in draft.raw.items():
                writer.file(name).write_text("".join(lines), errors="surrogateescape")
            if draft.stored and (not draft.from_raw or draft.unsealed):
                shutil.copytree(draft.stored, folder / "tables", dirs_exist_ok=True)
            writer.seal(Manifest.model_validate(draft.manifest))
            if draft.unsealed:
                draft.unsealed(folder)
            recording = open_recording(folder)
            told = prove(recording, draft.expectations, from_raw=draft.from_raw, sound=_SOUND, limits=_LIMITS)
            (result,) = settled([told])
        except LivefireError as error:
            return Outcome(refused=str(error) or type(error).__name__)
    verdicts = {each.atomic: (str(each.verdict), each.reason) for each in result.results}
    return Outcome(verdicts, background=result.background.count, result=result)
