"""The processes that are older than the capture (`raw/alive.jsonl`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.recording.json_lines import parsed, seconds, text, whole


@dataclass(frozen=True)
class Resident:
    """A process that is older than the capture (`raw/alive.jsonl`); `started` in seconds, epoch."""

    pid: int
    parent: int
    started: float
    name: str
    path: str
    session: int | None
    contained: bool
    ours: bool
    asked_at: frozenset[str]


def read_alive(lines: Iterable[str]) -> list[Resident]:
    """The processes of `raw/alive.jsonl`. Other lines are skipped."""
    return [resident for line in lines if (resident := _read(line)) is not None]


def _read(line: str) -> Resident | None:
    try:
        item = parsed(line)
        session = item["session"]
        return Resident(
            pid=whole(item["pid"]),
            parent=whole(item["parent"]),
            started=seconds(item["started"]),
            name=text(item["name"]),
            path=text(item["path"]),
            session=None if session is None else whole(session),
            contained=item["contained"] is True,
            ours=item["ours"] is True,
            asked_at=frozenset(text(place) for place in item["asked_at"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
