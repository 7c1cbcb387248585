"""Whether the telemetry of a recording is from the time of its capture. Any other is no evidence.

Sensors are followed from start to end, so all that they wrote was written in between, and rows of an atomic are not
older than its run. A log with another time was put together, or its clock is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from harness.errors import Position, RecordingDamaged
from harness.kql.capabilities import Span
from harness.model.manifest import BACKGROUND, Manifest
from harness.recording import Recording, layout
from harness.recording.consistency import SLACK
from harness.telemetry.schema import may_be_of

_DAY = timedelta(days=1)  # the background is no evidence, but belongs to the same capture
_HINT = "The log was changed, or its clock differs from the capture's. Capture again."


def require_timely(recording: Recording, spans: Mapping[str, Mapping[str, Span]]) -> None:
    """Raise RecordingDamaged for a row from outside its capture's time. `spans` are by table and slice."""
    for table, record, problem in _untimely(recording.manifest, spans):
        file, _, line = record.rpartition(":")
        where = (
            Position(recording.path / file, int(line))
            if line.isdecimal()
            else Position(recording.path / layout.table_file(table))
        )
        raise RecordingDamaged(f"the recording contradicts itself: {problem}", at=where, hint=_HINT)


def _untimely(manifest: Manifest, spans: Mapping[str, Mapping[str, Span]]) -> Iterator[tuple[str, str, str]]:
    """The table, the record, and what is wrong."""
    begin = min([manifest.started, *(sensor.before.time for sensor in manifest.sensors)])
    end = max([manifest.finished, *(sensor.after.time for sensor in manifest.sensors)])
    attacks = {d.atomic: d.attack.started for d in manifest.detonations if d.attack}
    for table, slices in spans.items():
        for slice_, span in slices.items():
            whose, slack = f"a row of {table} ({slice_})", _DAY if slice_ == BACKGROUND else SLACK
            if span.first and begin - span.first > slack:
                yield table, span.first_record, f"{whose} is of {_told(span.first)}, before its capture began"
            if span.last and span.last - end > slack:
                yield table, span.last_record, f"{whose} is of {_told(span.last)}, after its capture was over"
            whose_it_may_be = [attacks[atomic] for atomic in may_be_of(slice_) if atomic in attacks]
            started = min(whose_it_may_be, default=attacks.get(slice_))
            if span.first and started and started - span.first > SLACK:
                yield table, span.first_record, f"{whose} is of {_told(span.first)}, and that was run {_told(started)}"
            if span.timeless_record and slice_ != BACKGROUND:
                yield table, span.timeless_record, f"{whose} has no time"


def _told(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
