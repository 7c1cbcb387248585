"""The tables that rules query: columns, types, and the hidden columns that rules do not see.

Sources: learn.microsoft.com, «DeviceProcessEvents» and «AKSAudit» in the Azure Monitor Logs reference.
`Auditd_CL` and `DockerDaemon_CL` are Livefire's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from harness.model.manifest import BACKGROUND as BACKGROUND
from harness.model.manifest import HARNESS
from harness.recording import layout

# Raised with each change to what the tables hold for the same raw logs. The tables of another version are built again.
# 2: DockerDaemon_CL has a row for each answer of the daemon.
# 3: A pid and a time identify a process. What descends from an attack's shell belongs to the attack.
# 4: The sending process decides whose a request is. A container belongs to the party that started it. Unclear rows have
# a slice of their own. Livefire's runtime shim belongs to Livefire.
# 5: Livefire's runtime shim starts nothing. Of alike calls, nothing is guessed where more were made than noted. A
# canary's token counts only in a canary. Steps of BuildKit belong to the builder. A pod is given its account's token.
# 6: An ambiguous slice names all its atomics. A party that reached into a pod or a container may send requests from
# there. What no gateway noted is ambiguous in all records of the daemon. Sessions are followed in one way.
# 7: An image event with only an id belongs to the party that requested a change of images at that time.
# 8: A path with another name for the same place, such as below /proc/self/root, is followed.
VERSION = 8

Row = dict[str, Any]
Tables = dict[str, list[Row]]

# KQL type → DuckDB type. Timestamps are UTC without a zone.
SQL_TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "real": "DOUBLE",
    "dynamic": "JSON",
}

SLICE, RECORD, ARRIVED = "_Slice", "_Record", "_Arrived"
# The slice of a row; its place in the recording (`raw/FILE:LINE`); when it could be read (seconds, epoch).
HIDDEN = {SLICE: "string", RECORD: "string", ARRIVED: "real"}


_AMBIGUOUS, _OR = "ambiguous: ", ", "


def ambiguous(*atomics: str) -> str:
    """The slice of rows that may belong to any of these: no credit for an attack, and no false alarm."""
    return f"{_AMBIGUOUS}{_OR.join(sorted(set(atomics)))}"


def may_be_of(slice_: str) -> tuple[str, ...]:
    """The atomics to which the rows of an ambiguous slice may belong; none for any other slice."""
    return tuple(slice_.removeprefix(_AMBIGUOUS).split(_OR)) if slice_.startswith(_AMBIGUOUS) else ()


def one_of(slices: Iterable[str]) -> str:
    """The slice of what any of these may have done: empty for none, ambiguous where several are possible."""
    parties = set(slices)
    if len(parties) <= 1:
        return next(iter(parties), "")
    atomics = {atomic for party in parties for atomic in may_be_of(party) or (party,)} - {BACKGROUND, HARNESS}
    return ambiguous(*atomics) if atomics else BACKGROUND


def _columns(text: str) -> dict[str, str]:
    """`name` or `name:type`, separated by blanks; string where no type is given."""
    return {name: kind or "string" for name, _, kind in (word.partition(":") for word in text.split())}


def _initiating(text: str) -> dict[str, str]:
    return {f"InitiatingProcess{name}": kind for name, kind in _columns(text).items()}


DEVICE_PROCESS_EVENTS = _columns(
    """TimeGenerated:datetime Timestamp:datetime AccountDomain AccountName AccountObjectId AccountSid AccountUpn
        ActionType AdditionalFields:dynamic DeviceId DeviceName FileName FileSize:long FolderPath LogonId:long
        MachineGroup MD5 SHA1 SHA256 ProcessCommandLine ProcessCreationTime:datetime ProcessId:long
        ProcessIntegrityLevel ProcessTokenElevation ProcessUniqueId ReportId:long
        ProcessVersionInfoCompanyName ProcessVersionInfoFileDescription ProcessVersionInfoInternalFileName
        ProcessVersionInfoOriginalFileName ProcessVersionInfoProductName ProcessVersionInfoProductVersion"""
) | _initiating(
    """AccountDomain AccountName AccountSid CommandLine CreationTime:datetime FileName FileSize:long FolderPath
        Id:long IntegrityLevel LogonId:long MD5 ParentCreationTime:datetime ParentFileName ParentId:long SHA1 SHA256
        TokenElevation"""
)
AKS_AUDIT = _columns(
    """TimeGenerated:datetime Annotations:dynamic AuditId Level ObjectRef:dynamic PodName RequestObject:dynamic
    RequestReceivedTime:datetime RequestUri ResponseObject:dynamic ResponseStatus:dynamic SourceIps:dynamic Stage
    StageReceivedTime:datetime User:dynamic UserAgent Verb"""
)
AUDITD = _columns(
    """TimeGenerated:datetime Computer RecordType Serial:long ProcessId:long ParentProcessId:long Session:long
    AuditUid:long Uid:long Exe Comm Cwd Success:bool Argc:long Argv:dynamic CommandLine Key ContainerId
    InContainer:bool RawData"""
)
DOCKER_DAEMON = _columns(
    """TimeGenerated:datetime Computer Source Level Message Method Uri Action ContainerId ContainerName Image Command
    Privileged:bool NetworkMode PidMode IpcMode Binds:dynamic CapAdd:dynamic SecurityOpt:dynamic ExitCode:long
    Body:dynamic"""
)

TABLES: dict[str, dict[str, str]] = {
    "DeviceProcessEvents": DEVICE_PROCESS_EVENTS,
    "AKSAudit": AKS_AUDIT,
    "Auditd_CL": AUDITD,
    "DockerDaemon_CL": DOCKER_DAEMON,
}
# The sensor of each table.
SENSOR_OF = {
    "DeviceProcessEvents": "auditd",
    "Auditd_CL": "auditd",
    "AKSAudit": "kube_audit",
    "DockerDaemon_CL": "docker_daemon",
}
# The logs, besides those of its own sensor, by which the rows of a table are attributed (telemetry/attribution).
_WHOSE_PROCESS = (layout.DAEMON_REQUESTS, layout.DAEMON_EVENTS, layout.KUBE_AUDIT, layout.KUBE_PODS)
ATTRIBUTED_BY = {
    "DeviceProcessEvents": _WHOSE_PROCESS,
    "Auditd_CL": _WHOSE_PROCESS,
    "AKSAudit": (),
    "DockerDaemon_CL": (layout.ALIVE,),
}

_EMPTY = {"string": "", "dynamic": None, "long": None, "bool": None, "datetime": None, "real": None}


def complete(table: str, row: Row) -> Row:
    """The row with every column of its table. Kusto has no null string, so a missing one is empty."""
    columns = TABLES[table] | HIDDEN
    unknown = row.keys() - columns.keys()
    if unknown:
        raise KeyError(f"{table} has no column {sorted(unknown)}")
    return {name: _EMPTY[kind] if row.get(name) is None else row[name] for name, kind in columns.items()}


def sql_time(seconds: float) -> str | None:
    """A time in UTC, in the form that a TIMESTAMP is read from."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    except (ValueError, OverflowError, OSError):
        return None
