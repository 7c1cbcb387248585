"""When a record could be read. `raw/arrivals.jsonl` notes for each file how far it could be read, and when."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from harness.recording import layout
from harness.recording.json_lines import parsed, seconds, text, whole

# The arrival (seconds since the epoch) of the record that ends at an offset; None where unknown.
ArrivalOf = Callable[[int], float | None]


class Arrivals:
    """The arrivals of one recording."""

    def __init__(self, root: layout.Root) -> None:
        self._offsets: dict[str, list[int]] = {}
        self._times: dict[str, list[float]] = {}
        for line in layout.read(root, layout.ARRIVALS).splitlines():
            try:
                item = parsed(line)
                file, offset, time = text(item["file"]), whole(item["offset"]), seconds(item["time"])
            except (ValueError, KeyError, TypeError, OverflowError):
                continue
            self._offsets.setdefault(file, []).append(offset)
            self._times.setdefault(file, []).append(time)

    def of(self, file: str) -> ArrivalOf:
        """The arrivals in one file."""
        offsets, times = self._offsets.get(file, []), self._times.get(file, [])

        def arrival(end: int) -> float | None:
            place = bisect_left(offsets, end)
            return times[place] if place < len(times) else None

        return arrival
