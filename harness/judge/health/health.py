"""Whether a sensor was healthy around one atomic, between the marks around it: by the manifest and the raw records."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from harness.judge.health.agreement import Disagreement, disagreements
from harness.judge.health.audit_trail import AuditTrail
from harness.judge.health.container_use import ContainerUse
from harness.judge.health.raw_files import RawFile, files_of, untold_containers
from harness.model.manifest import Detonation, Execution, Manifest, Mark, SensorRecord
from harness.model.observed import SensorHealth
from harness.recording import layout
from harness.telemetry.schema import ATTRIBUTED_BY, SENSOR_OF

_LOST = "lost"  # the kernel's count of records
_SHOWN = 3  # problems of one kind
_SHORT = 12  # as Docker shows an id


@dataclass(frozen=True)
class Health:
    """The health of each sensor of one recording. `_files` are its raw files, by sensor."""

    manifest: Manifest
    _files: dict[str, list[RawFile]]
    _trail: AuditTrail
    _use: ContainerUse
    _disagreements: list[Disagreement]

    @classmethod
    def of(cls, root: layout.Root, manifest: Manifest) -> Health:
        """Read the raw files, each once."""
        root = layout.KeptFiles.of(root)
        files: dict[str, list[RawFile]] = {s.name: files_of(root, manifest, s) for s in manifest.sensors}
        trail = AuditTrail.of(layout.read(root, layout.AUDIT_LOG), manifest)
        untold, marks = untold_containers(root), [mark for sensor in manifest.sensors for mark in sensor.marks]
        needed = untold or any(mark.contained == "" for mark in marks)  # it is slow, and rarely needed
        use = ContainerUse.of(root, manifest, untold) if needed else ContainerUse()
        return cls(manifest, files, trail, use, disagreements(lambda name: layout.read(root, name), manifest))

    def around(self, detonation: Detonation, sensor: str) -> SensorHealth:
        """The health of `sensor` around this atomic."""
        record = self.manifest.sensor(sensor)
        if record is None:
            return SensorHealth(sensor=sensor, ok=False, problems=[f"{sensor} was not part of this lab"])
        problems = _at_start(record) + [f"{sensor}: {text}" for file in self._files[sensor] for text in file.missing]
        if detonation.attack:
            problems += self._between(record, detonation, *_marks(record, detonation.attack))
            problems += self._whose(sensor, detonation.attack)
        if sensor == "docker_daemon":
            problems += [
                f"{sensor}: container {id_[:_SHORT]} ended before its configuration was read"
                for id_ in self._use.untold_of(detonation.atomic)[:_SHOWN]
            ]
        problems = list(dict.fromkeys(problems))
        return SensorHealth(sensor=sensor, ok=not problems, problems=problems)

    def _whose(self, sensor: str, attack: Execution) -> list[str]:
        """Problems of the logs of other sensors by which this sensor's rows are attributed.

        A canary that a sensor saw, but that is not in its log, shows a loss. The health of the other sensor itself
        doesn't count here.
        """
        names = {name for table, behind in SENSOR_OF.items() if behind == sensor for name in ATTRIBUTED_BY[table]}
        doubts = []
        for record in (r for r in self.manifest.sensors if r.name != sensor):
            marks = _marks(record, attack)
            for file in (f for f in self._files[record.name] if f.name in names):
                problems = file.missing + file.damage()
                if file.name in record.files and any(m and m.seen and m.token not in file.tokens for m in marks):
                    problems.append(f"{file.name} is incomplete")
                doubts += [f"{record.name}: {text}, and rows of {sensor} are attributed by it" for text in problems]
        return doubts

    def _between(
        self, record: SensorRecord, detonation: Detonation, before: Mark | None, after: Mark | None
    ) -> list[str]:
        """The problems of a sensor between two of its marks."""
        # problems before the first mark count for the first atomic
        marks = [mark for mark in (before if before in record.marks[:1] else None, after) if mark]
        problems = [f"{record.name}: {text}" for mark in marks for text in mark.problems]
        if "readings" in self.manifest.recorded and not all(mark.readings for mark in (before, after) if mark):
            problems.append(f"{record.name}: a canary around the attack has no readings with it")
        files = self._files[record.name]
        problems += _mark_problems(record, files, before, "before")
        problems += _mark_problems(record, files, after, "after")
        problems += self._disagreeing(before, after) if record.name == "docker_daemon" else []
        for file in files:
            first, last = file.line_of(before, 0), file.line_of(after, sys.maxsize)
            if last <= first:  # then no line lies between them, whatever happened
                problems.append(f"{record.name}: the canary after the attack is before the earlier one in {file.name}")
            problems += [f"{record.name}: {text}" for text in file.damage(first, last)]
            if file.name == layout.AUDIT_LOG:
                problems += [f"auditd: {text}" for text in self._trail.between(first, last, file.end)]
                problems += self._unasked(detonation)
                problems += [f"auditd: {text}" for text in self._trail.canaries_missing(detonation)]
                problems += [f"auditd: {text}" for text in self._trail.other_session(detonation)]
                problems += self._contained(before, detonation, "before") + self._contained(after, detonation, "after")
                commands = self._trail.to_blame(first, last) if problems else []
                problems += [f"auditd: {text}" for text in commands]
        return problems

    def _unasked(self, detonation: Detonation) -> list[str]:
        """Missing canaries in the attack's own session; older captures had none there."""
        if "readings" not in self.manifest.recorded or detonation.attack is None:
            return []
        moments = {canary.when for canary in detonation.attack.canaries}
        return [
            f"auditd: no canary was executed {w} the attack in its session"
            for w in ("before", "after")
            if w not in moments
        ]

    def _disagreeing(self, before: Mark | None, after: Mark | None) -> list[str]:
        """The disagreements between records of the Docker daemon, between two marks."""
        first = before.emitted.timestamp() if before else 0.0
        last = after.emitted.timestamp() if after else float("inf")
        texts = [f"docker_daemon: {d.text}" for d in self._disagreements if first <= d.at <= last]
        return list(dict.fromkeys(texts))[:_SHOWN]

    def _contained(self, mark: Mark | None, detonation: Detonation, when: str) -> list[str]:
        """Problems with processes in containers. A mark without a canary there counts only for atomics that use one."""
        if mark is None or mark.contained is None:
            return []
        if mark.contained:
            seen = self._trail.contained(mark.contained)
            return [] if seen else [f"auditd: the canary in a container, {when} the attack, is not in the log"]
        used = self._use.uses(detonation.atomic)
        return [f"auditd: no canary could be executed in a container {when} the attack"] if used else []


def _marks(record: SensorRecord, attack: Execution) -> tuple[Mark | None, Mark | None]:
    """The marks of a sensor around an attack."""
    before = [mark for mark in record.marks if mark.emitted <= attack.started]
    after = [mark for mark in record.marks if mark.emitted >= attack.finished]
    return before[-1] if before else None, after[0] if after else None


def _mark_problems(record: SensorRecord, files: list[RawFile], mark: Mark | None, when: str) -> list[str]:
    if mark is None:
        return [f"{record.name}: no canary was emitted {when} the attack"]
    # a sensor with several streams is healthy only if each of them is
    streams = [file for file in files if file.name in record.files]
    missing = [file.name for file in streams if mark.token not in file.tokens]
    if mark.seen is None or missing or not streams:
        where = f" in {missing[0]}" if missing and len(streams) > 1 else ""
        return [f"{record.name}: the canary {when} the attack did not come through{where}"]
    return []


def _at_start(record: SensorRecord) -> list[str]:
    """Problems at the start; where marks have no readings of their own, at the end, too."""
    noted = any(mark.readings for mark in record.marks)
    looks = {"before": record.before} | ({} if noted else {"after": record.after})
    problems = [f"{record.name}, {when}: {text}" for when, look in looks.items() for text in look.problems]
    if not problems and not all(look.ok for look in looks.values()):
        problems.append(f"{record.name} was not healthy")
    if noted or record.after.problems:
        return problems
    before, after = (look.readings.get(_LOST) for look in (record.before, record.after))
    if isinstance(before, int) and isinstance(after, int) and after > before:
        problems.append(f"{record.name}: the kernel lost {after - before} records")
    return problems
