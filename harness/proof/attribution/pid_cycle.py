"""How far the kernel's counter of pids had come: whether a number can have been given away anew in between.

Linux gives pids away in order and begins anew at the end (kernel/pid.c, idr_alloc_cyclic). So the pids of processes
that execute something show where the counter was; one of them that was born long ago says nothing, hence the medians.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

_AROUND = 5  # how many pids to each side are looked at
_OWN = 300  # a pid this little above the counter was just given to its owner
_TURN = 1 << 23  # more than any pid (PID_MAX_LIMIT is 4194304)


class PidCycle:
    """Answers by place in the order in which pids were seen."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._reached: list[float] = []
        turns, wrapping = 0, False
        for place in range(len(pids)):
            before, after = pids[max(0, place - _AROUND) : place], pids[place : place + _AROUND]
            middle = median(after)
            wraps = len(before) == _AROUND == len(after) and middle < median(before) / 2
            turns += wraps and not wrapping
            wrapping = wraps
            self._reached.append(turns * _TURN + middle)

    def passed(self, pid: int, before: int, after: int) -> bool:
        """Whether the counter came past a pid between two places: a process with it at the later may be another."""
        if not 0 <= before < after < len(self._reached):
            return False
        start, end = self._reached[before], self._reached[after]
        turn = start // _TURN
        passages = [(turn + more) * _TURN + pid for more in range(int(end // _TURN - turn) + 1)]
        return any(start + _OWN < passage <= end for passage in passages)
