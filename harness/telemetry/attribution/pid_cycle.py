"""How far the kernel's pid counter had come: whether a pid can have been reused in between.

Linux gives out pids in order and wraps around at the end (kernel/pid.c, idr_alloc_cyclic). So the pids of executing
processes show where the counter was. An old process among them shows nothing, hence the medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

_AROUND = 5  # pids in a median, and the distance between compared medians
_OWN = 300  # a pid at most this far above the counter was just given out
_TURN = 1 << 23  # more than any pid (PID_MAX_LIMIT is 4194304)


class PidCycle:
    """The pid counter, by place in the order in which pids were seen."""

    def __init__(self, pids: Sequence[int]) -> None:
        middles = [median(pids[place : place + _AROUND]) for place in range(len(pids))]
        lower = {  # less than half of the earlier median, so the counter wrapped around
            place for place in range(len(pids) - _AROUND + 1) if middles[place] < middles[max(0, place - _AROUND)] / 2
        }
        turns = accumulate(place in lower and place - 1 not in lower for place in range(len(pids)))
        self._reached = [turn * _TURN + middles[place] for place, turn in enumerate(turns)]

    def passed(self, pid: int, before: int, after: int) -> bool:
        """Whether the counter passed a pid between two places, so that the pid may belong to another process."""
        if before < 0 or after >= len(self._reached):
            return False
        start, end = self._reached[before], self._reached[after]
        last = (end - pid) // _TURN * _TURN + pid  # when it last passed the pid
        return last > start + _OWN
