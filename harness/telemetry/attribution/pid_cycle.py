"""How far the kernel's counter of pids had come: whether a number can have been given away anew in between.

Linux gives pids away in order and begins anew at the end (kernel/pid.c, idr_alloc_cyclic). So the pids of processes
that execute something show where the counter was; one of them that was born long ago says nothing, hence the medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

_AROUND = 5  # how many pids are looked at, and how far back those are with which they are compared
_OWN = 300  # a pid this little above the counter was just given to its owner
_TURN = 1 << 23  # more than any pid (PID_MAX_LIMIT is 4194304)


class PidCycle:
    """Answers by place in the order in which pids were seen."""

    def __init__(self, pids: Sequence[int]) -> None:
        middles = [median(pids[place : place + _AROUND]) for place in range(len(pids))]
        lower = {  # than half of what was before, so the counter began anew
            place for place in range(len(pids) - _AROUND + 1) if middles[place] < middles[max(0, place - _AROUND)] / 2
        }
        turns = accumulate(place in lower and place - 1 not in lower for place in range(len(pids)))
        self._reached = [turn * _TURN + middles[place] for place, turn in enumerate(turns)]

    def passed(self, pid: int, before: int, after: int) -> bool:
        """Whether the counter came past a pid between two places: a process with it at the later may be another."""
        if before < 0 or after >= len(self._reached):
            return False
        start, end = self._reached[before], self._reached[after]
        last = (end - pid) // _TURN * _TURN + pid  # when it came by for the last time
        return last > start + _OWN
