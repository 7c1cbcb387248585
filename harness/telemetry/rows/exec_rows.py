"""Rows of `Auditd_CL` and `DeviceProcessEvents` from audit events."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from harness.telemetry.attribution import Attribution
from harness.telemetry.attribution.moments import UNSET, Image, Moment, birth_of, login_of
from harness.telemetry.attribution.processes import Initiating
from harness.telemetry.readers.audit_log import AuditEvent, decode, number
from harness.telemetry.schema import ARRIVED, RECORD, SLICE, Row, complete

# Records of changes to the audit system itself.
_KEPT = ("CONFIG_CHANGE", "DAEMON_START", "DAEMON_END", "DAEMON_ABORT", "DAEMON_CONFIG", "DAEMON_ROTATE")
_PUBLISHER = re.compile(r" -publish-binary (/\S+)")
_ACCOUNTS = {0: "root", 65534: "nobody"}


class ExecRows:
    """Turns events into rows of both tables. `attribution` gives their slices and the programs of processes."""

    def __init__(self, attribution: Attribution, computer: str, file: str) -> None:
        self._attribution = attribution
        self._computer = computer
        self._file = file
        self.auditd: list[Row] = []
        self.processes: list[Row] = []

    def add(self, event: AuditEvent, arrived: float | None) -> None:
        """Add the rows of one event. Events must come in the order of the log."""
        where = {RECORD: f"{self._file}:{event.records[0].line}", ARRIVED: arrived}
        if event.is_exec:
            self._add_exec(event, where)
        elif birth := birth_of(event):
            self._attribution.processes.bear(birth)
        elif login := login_of(event):
            self._attribution.processes.at(login.by)  # it stays the same process
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
            SLICE: self._attribution.of_change(event),
        }
        self.auditd.append(complete("Auditd_CL", row | where))

    def _add_exec(self, event: AuditEvent, where: Row) -> None:
        call, cwd = event.first("SYSCALL"), event.first("CWD")
        fields = call.fields if call else {}
        known, argc = event.arguments()
        arguments = ["" if argument is None else argument for argument in known]
        moment = Moment.of(event)
        process = self._attribution.processes.executes(moment)
        placed = self._attribution.place(moment, process, arguments)
        image = _image(event, fields, arguments)
        by = self._attribution.processes.initiating(process, moment)
        if not placed.own_shim:  # on a real host, its starter would have started what follows
            self._attribution.processes.executed(process, moment, image)
        row = {
            "TimeGenerated": image.started,
            "Computer": self._computer,
            "RecordType": "EXECVE",
            "Serial": event.serial,
            "ProcessId": image.pid,
            "ParentProcessId": image.parent,
            "Session": None if image.session == UNSET else image.session,
            "AuditUid": number(fields.get("auid")),
            "Uid": number(fields.get("uid")),
            "Exe": image.path,
            "Comm": decode(fields.get("comm", "")),
            "Cwd": decode(cwd.fields.get("cwd", "")) if cwd else "",
            "Success": True,
            "Argc": argc,
            "Argv": known,  # null for a lost argument, so that the gap is visible
            "CommandLine": image.command_line,
            "Key": decode(fields.get("key", "")),
            "ContainerId": placed.container_id,
            "InContainer": placed.in_container,
            "RawData": "\n".join(record.text for record in event.records if record.type in ("SYSCALL", "EXECVE")),
            SLICE: placed.slice,
        }
        self.auditd.append(complete("Auditd_CL", row | where))
        process_row = self._process(event, image, fields, placed.slice, str(row["Cwd"])) | self._initiating(image, by)
        self.processes.append(complete("DeviceProcessEvents", process_row | where))

    def _process(self, event: AuditEvent, image: Image, fields: dict[str, str], slice_: str, cwd: str) -> Row:
        additional: dict[str, Any] = {
            "ProcessPosixEffectiveUser": _account(fields.get("euid")),
            "ProcessPosixProcessGroupId": image.pid,
            "ProcessCurrentWorkingDirectory": cwd,
        }
        return {
            "TimeGenerated": image.started,
            "Timestamp": image.started,
            "ActionType": "ProcessCreated",
            "AccountDomain": self._computer,
            "AccountName": image.account,
            "DeviceName": self._computer,
            "DeviceId": self._computer,
            "FileName": image.name,
            "FolderPath": image.path,
            "LogonId": None if image.session == UNSET else image.session,
            "ProcessCommandLine": image.command_line,
            "ProcessCreationTime": image.started,
            "ProcessId": image.pid,
            "ReportId": event.serial,
            "AdditionalFields": additional,
            SLICE: slice_,
        }

    def _initiating(self, image: Image, by: Initiating | None) -> Row:
        """The columns of the initiating process: itself with its earlier program, or the parent of a new fork."""
        if by is None:
            return {"InitiatingProcessId": image.parent} | _publisher(image)
        row: Row = {
            "InitiatingProcessId": by.pid,
            "InitiatingProcessAccountDomain": self._computer,
            "InitiatingProcessAccountName": by.image.account,
            "InitiatingProcessCommandLine": by.image.command_line,
            "InitiatingProcessCreationTime": by.image.started if by.forked is None else iso(by.forked),
            "InitiatingProcessFileName": by.image.name,
            "InitiatingProcessFolderPath": by.image.path,
            "InitiatingProcessLogonId": None if by.image.session == UNSET else by.image.session,
            "InitiatingProcessParentId": by.parent,
        }
        if by.above:
            row["InitiatingProcessParentFileName"] = by.above.name
            row["InitiatingProcessParentCreationTime"] = by.above.started
        return row


def _publisher(image: Image) -> Row:
    """containerd passes its own path to the shim that it starts, as the program to call back (pkg/shim/util.go)."""
    match = _PUBLISHER.search(image.command_line) if image.name.startswith("containerd-shim") else None
    if match is None or not image.command_line.endswith((" start", " delete")):
        return {}
    return {"InitiatingProcessFileName": match[1].rpartition("/")[2], "InitiatingProcessFolderPath": match[1]}


def _image(event: AuditEvent, fields: dict[str, str], arguments: list[str]) -> Image:
    path, session = decode(fields.get("exe", "")), number(fields.get("ses"))
    return Image(
        pid=number(fields.get("pid")) or 0,
        parent=number(fields.get("ppid")) or 0,
        path=path,
        name=path.rpartition("/")[2],
        command_line=" ".join(arguments),
        started=iso(event.time),
        account=_account(fields.get("uid")),
        session=UNSET if session is None else session,
    )


def _account(uid: str | None) -> str:
    known = number(uid)
    return "" if known is None else _ACCOUNTS.get(known, str(known))


def iso(milliseconds: int) -> str:
    """A time in UTC, in the form that a TIMESTAMP is read from."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
