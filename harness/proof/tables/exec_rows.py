"""Rows of `Auditd_CL` and `DeviceProcessEvents` from audit events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.proof.tables.audit_log import AuditEvent, decode, number
from harness.proof.tables.schema import ARRIVED, BACKGROUND, RECORD, SLICE, Row, complete

if TYPE_CHECKING:
    from harness.proof.attribution import Attribution, Placed

_UNSET = 0xFFFFFFFF
# Records that tell what became of the audit system itself.
_KEPT = ("CONFIG_CHANGE", "DAEMON_START", "DAEMON_END", "DAEMON_ABORT", "DAEMON_CONFIG", "DAEMON_ROTATE")
_ACCOUNTS = {0: "root", 65534: "nobody"}


@dataclass(frozen=True)
class _Image:
    """What a process was running, as far as the log tells."""

    pid: int
    parent: int
    path: str
    name: str
    command_line: str
    started: str
    account: str
    session: int


class ExecRows:
    """Turns events into rows of both tables; remembers the images of processes to name the initiating one."""

    def __init__(self, attribution: Attribution, computer: str, file: str) -> None:
        self._attribution = attribution
        self._computer = computer
        self._file = file
        self._images: dict[int, _Image] = {}
        self.auditd: list[Row] = []
        self.processes: list[Row] = []

    def add(self, event: AuditEvent, arrived: float | None) -> None:
        """Add the rows of one event. Events must come in the order of the log."""
        where = {RECORD: f"{self._file}:{event.records[0].line}", ARRIVED: arrived}
        if event.is_exec:
            self._add_exec(event, where)
        elif event.records[0].type in _KEPT:
            self._add_other(event, where)

    def _add_other(self, event: AuditEvent, where: Row) -> None:
        record = event.records[0]
        row = {
            "TimeGenerated": iso(event.time),
            "Computer": self._computer,
            "RecordType": record.type,
            "Serial": event.serial,
            "Key": decode(record.fields.get("key", "")),
            "RawData": record.text,
            SLICE: BACKGROUND,
        }
        self.auditd.append(complete("Auditd_CL", row | where))

    def _add_exec(self, event: AuditEvent, where: Row) -> None:
        call, cwd = event.first("SYSCALL"), event.first("CWD")
        fields = call.fields if call else {}
        known, argc = event.arguments()
        arguments = ["" if argument is None else argument for argument in known]
        placed = self._attribution.place_exec(event, arguments)
        image = _image(event, fields, arguments)
        row = {
            "TimeGenerated": image.started,
            "Computer": self._computer,
            "RecordType": "EXECVE",
            "Serial": event.serial,
            "ProcessId": image.pid,
            "ParentProcessId": image.parent,
            "Session": None if image.session == _UNSET else image.session,
            "AuditUid": number(fields.get("auid")),
            "Uid": number(fields.get("uid")),
            "Exe": image.path,
            "Comm": decode(fields.get("comm", "")),
            "Cwd": decode(cwd.fields.get("cwd", "")) if cwd else "",
            "Success": True,
            "Argc": argc,
            "Argv": known,  # null where a part did not come through: the gap stays visible
            "CommandLine": image.command_line,
            "Key": decode(fields.get("key", "")),
            "ContainerId": placed.container_id,
            "InContainer": placed.in_container,
            "RawData": "\n".join(record.text for record in event.records if record.type in ("SYSCALL", "EXECVE")),
            SLICE: placed.slice,
        }
        self.auditd.append(complete("Auditd_CL", row | where))
        self.processes.append(self._process(event, image, fields, placed, str(row["Cwd"]), where))
        self._images[image.pid] = image

    def _process(
        self, event: AuditEvent, image: _Image, fields: dict[str, str], placed: Placed, cwd: str, where: Row
    ) -> Row:
        # The image that called execve: the process's own earlier one, else (it was forked) its parent's.
        by = self._images.get(image.pid) or self._images.get(image.parent)
        additional: dict[str, Any] = {
            "ProcessPosixEffectiveUser": _account(fields.get("euid")),
            "ProcessPosixProcessGroupId": image.pid,
            "ProcessCurrentWorkingDirectory": cwd,
        }
        row: Row = {
            "TimeGenerated": image.started,
            "Timestamp": image.started,
            "ActionType": "ProcessCreated",
            "AccountDomain": self._computer,
            "AccountName": image.account,
            "DeviceName": self._computer,
            "DeviceId": self._computer,
            "FileName": image.name,
            "FolderPath": image.path,
            "LogonId": None if image.session == _UNSET else image.session,
            "ProcessCommandLine": image.command_line,
            "ProcessCreationTime": image.started,
            "ProcessId": image.pid,
            "ReportId": event.serial,
            "AdditionalFields": additional,
            "InitiatingProcessId": by.pid if by else image.parent,
            SLICE: placed.slice,
        }
        if by:
            row |= {
                "InitiatingProcessAccountDomain": self._computer,
                "InitiatingProcessAccountName": by.account,
                "InitiatingProcessCommandLine": by.command_line,
                "InitiatingProcessCreationTime": by.started,
                "InitiatingProcessFileName": by.name,
                "InitiatingProcessFolderPath": by.path,
                "InitiatingProcessLogonId": None if by.session == _UNSET else by.session,
                "InitiatingProcessParentId": by.parent,
            }
            if above := self._images.get(by.parent):
                row["InitiatingProcessParentFileName"] = above.name
                row["InitiatingProcessParentCreationTime"] = above.started
        return complete("DeviceProcessEvents", row | where)


def _image(event: AuditEvent, fields: dict[str, str], arguments: list[str]) -> _Image:
    path, session = decode(fields.get("exe", "")), number(fields.get("ses"))
    return _Image(
        pid=number(fields.get("pid")) or 0,
        parent=number(fields.get("ppid")) or 0,
        path=path,
        name=path.rpartition("/")[2],
        command_line=" ".join(arguments),
        started=iso(event.time),
        account=_account(fields.get("uid")),
        session=_UNSET if session is None else session,
    )


def _account(uid: str | None) -> str:
    known = number(uid)
    return "" if known is None else _ACCOUNTS.get(known, str(known))


def iso(milliseconds: int) -> str:
    """UTC, in the form that a TIMESTAMP is read from."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
