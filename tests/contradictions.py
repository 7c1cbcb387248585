"""What a row of `DeviceProcessEvents` must not say of its initiating process, told from the executions alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Row = dict[str, Any]
_ANYBODY = -1


def contradictions(processes: Iterable[Row], executions: Iterable[Row], listed: Mapping[int, str] = {}) -> list[str]:
    """Rows that name an initiating process which can't be it; `executions` are those of `Auditd_CL`, in one order.

    `listed` are the paths of what was running, by pid, when the capture began.
    """
    last: dict[int, Row] = {}
    above: dict[int, set[int]] = {}  # a process, when it executed last
    found = []
    for row, execution in zip(processes, executions, strict=True):
        pid, parent, by = row["ProcessId"], execution["ParentProcessId"], row["InitiatingProcessId"]
        if row["InitiatingProcessFileName"]:
            can_be = above[pid] | _above(last[pid], last) if by == pid and pid in last else set()
            before = last.get(by) or (row if row["InitiatingProcessFolderPath"] == listed.get(by, "") else None)
            why = _why(row, before, parent) or (
                "" if by != pid or pid not in last else _adopted(last[pid], parent, can_be)
            )
            if why:
                found.append(f"{row['ProcessCommandLine'][:60]}, pid {pid}: {why}")
        last[pid], above[pid] = execution, _above(execution, last)
    return found


def _why(row: Row, earlier: Row | None, parent: int) -> str:
    by = row["InitiatingProcessId"]
    if by not in (row["ProcessId"], parent):
        return f"pid {by} is neither it nor its parent {parent}"
    if row["InitiatingProcessCreationTime"] and str(row["InitiatingProcessCreationTime"]) > str(row["Timestamp"]):
        return "it was started before its initiating process"
    if earlier is None and by == row["ProcessId"]:
        return "it has executed nothing before"
    return ""


def _above(execution: Row, last: dict[int, Row]) -> set[int]:
    """The pids above a process, up to init or one that executed nothing, and so may be anybody's child."""
    found, above = set(), execution["ParentProcessId"]
    while above in last and above not in found:
        found.add(above)
        above = last[above]["ParentProcessId"]
    return found | ({1} if above == 1 else {above, _ANYBODY})


def _adopted(earlier: Row, parent: int, can_be: set[int]) -> str:
    """Whether the same process can have this parent now: its own, or one above that or init, which adopted it."""
    if parent in can_be or parent == 1 or _ANYBODY in can_be:
        return ""
    return f"the earlier process of that pid had the parent {earlier['ParentProcessId']}, this one has {parent}"
