"""What a row of `DeviceProcessEvents` must not say of its initiating process, told from the executions alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def contradictions(processes: Iterable[Row], executions: Iterable[Row]) -> list[str]:
    """Rows that name an initiating process which can't be it; `executions` are those of `Auditd_CL`, in one order."""
    last: dict[int, Row] = {}
    found = []
    for row, execution in zip(processes, executions, strict=True):
        pid, parent, by = row["ProcessId"], execution["ParentProcessId"], row["InitiatingProcessId"]
        if row["InitiatingProcessFileName"]:
            why = _why(row, last.get(by), parent) or ("" if by != pid else _adopted(last[pid], parent, last))
            if why:
                found.append(f"{row['ProcessCommandLine'][:60]}, pid {pid}: {why}")
        last[pid] = execution
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


def _adopted(earlier: Row, parent: int, last: dict[int, Row]) -> str:
    """Whether the same process can have this parent now: its own, or one above that or init, which adopted it."""
    above, seen = earlier["ParentProcessId"], set()
    while above != parent and above in last and above not in seen:
        seen.add(above)
        above = last[above]["ParentProcessId"]
    if parent in (above, 1):
        return ""
    return f"the earlier process of that pid had the parent {earlier['ParentProcessId']}, this one has {parent}"
