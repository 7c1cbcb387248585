"""Whether a sensor was well around one atomic: from the manifest, and once more from the raw records."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from harness.model.manifest import Detonation, Manifest, Mark, SensorRecord
from harness.model.result import SensorHealth
from harness.proof.tables.audit_log import damaged_lines, read_events
from harness.recording import layout

# Records by which auditd or the kernel say that something was taken away (audit-userspace, lib/msg_typetab.h).
_CANARY = re.compile(rb"livefire-canary-[0-9a-f]+")
_ENDS = ("DAEMON_END", "DAEMON_ABORT")


@dataclass(frozen=True)
class Health:
    """The health of each sensor of one recording.

    `_canaries`: the tokens that stand in each raw file, by sensor and file; `_general`: problems by sensor.
    """

    manifest: Manifest
    _canaries: dict[str, dict[str, frozenset[str]]]
    _general: dict[str, list[str]]

    @classmethod
    def of(cls, root: Path, manifest: Manifest) -> Health:
        """Read the raw files once."""
        canaries: dict[str, dict[str, frozenset[str]]] = {s.name: {} for s in manifest.sensors}
        general: dict[str, list[str]] = {s.name: _general_problems(s) for s in manifest.sensors}
        if "auditd" in general:
            general["auditd"] += _audit_problems(layout.read(root, layout.AUDIT_LOG))
        for sensor in manifest.sensors:
            for file in sensor.files:
                raw = layout.read(root, file)
                canaries[sensor.name][file] = frozenset(token.decode() for token in _CANARY.findall(raw))
                general[sensor.name] += _json_problems(sensor.name, file, raw)
        return cls(manifest, canaries, general)

    def around(self, detonation: Detonation, sensor: str) -> SensorHealth:
        """Whether `sensor` can be believed about this atomic."""
        record = self.manifest.sensor(sensor)
        if record is None:
            return SensorHealth(sensor=sensor, ok=False, problems=[f"{sensor} was not part of this lab"])
        problems = list(self._general[sensor])
        attack = detonation.attack
        if attack:
            before = [mark for mark in record.marks if mark.emitted <= attack.started]
            after = [mark for mark in record.marks if mark.emitted >= attack.finished]
            problems += self._mark_problems(record, before[-1] if before else None, "before")
            problems += self._mark_problems(record, after[0] if after else None, "after")
        return SensorHealth(sensor=sensor, ok=not problems, problems=problems)

    def _mark_problems(self, record: SensorRecord, mark: Mark | None, when: str) -> list[str]:
        if mark is None:
            return [f"{record.name}: no canary was emitted {when} the attack"]
        # a sensor with several streams is well only when each of them is
        files = self._canaries[record.name]
        missing = [file for file, tokens in files.items() if mark.token not in tokens]
        if mark.seen is None or missing or not files:
            where = f" in {missing[0]}" if missing and len(files) > 1 else ""
            return [f"{record.name}: the canary {when} the attack did not come through{where}"]
        return []


def _json_problems(sensor: str, file: str, raw: bytes) -> list[str]:
    """The lines of a file of JSON objects that are none, the first three of them."""
    if not file.endswith(".jsonl"):
        return []
    damaged = [n for n, line in enumerate(raw.split(b"\n"), 1) if line.strip() and not _is_object(line)]
    return [f"{sensor}: line {number} of {file} is damaged" for number in damaged[:3]]


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _general_problems(record: SensorRecord) -> list[str]:
    problems = [f"{record.name}, before: {text}" for text in record.before.problems]
    problems += [f"{record.name}, after: {text}" for text in record.after.problems]
    if not (record.before.ok and record.after.ok) and not problems:
        problems.append(f"{record.name} was not well")
    before, after = record.before.readings.get("lost"), record.after.readings.get("lost")
    if isinstance(before, int) and isinstance(after, int) and after > before and not record.after.problems:
        problems.append(f"{record.name}: the kernel lost {after - before} records")
    return problems


def _audit_problems(log: bytes) -> list[str]:
    # not str.splitlines: it would cut ENRICHED records at their group separator (0x1d)
    lines = [line.decode(errors="replace") for line in log.split(b"\n")]
    problems = [f"auditd: line {number} of its log is damaged" for number in damaged_lines(lines)[:3]]
    for event in read_events(line for line in lines if "CONFIG_CHANGE" in line or "DAEMON_" in line):
        record = event.records[0]
        operation = record.fields.get("op", "")
        if record.type == "CONFIG_CHANGE" and operation == "remove_rule":
            problems.append(f"auditd: a rule was removed during the capture (serial {event.serial})")
        elif record.type == "CONFIG_CHANGE" and record.fields.get("audit_enabled") == "0":
            problems.append(f"auditd: the kernel's audit was switched off during the capture (serial {event.serial})")
        elif record.type in _ENDS:
            problems.append("auditd: the daemon ended during the capture")
    return problems
