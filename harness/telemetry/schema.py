"""The tables that rules query: columns and types, and the hidden columns that rules do not see.

Sources: learn.microsoft.com, «DeviceProcessEvents» and «AKSAudit» in the Azure Monitor Logs reference.
`Auditd_CL` and `DockerDaemon_CL` are Livefire's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.model.manifest import BACKGROUND as BACKGROUND
from harness.model.manifest import HARNESS
from harness.recording import layout

# Raised with each change to what the tables hold for the same raw logs. Of a recording with another version they are
# built anew. 2: what the daemon answered is a row of DockerDaemon_CL.
# 3: a pid is a process together with its time, and what descends from an attack's shell is the attack's.
# 4: who sent a request is told by its process, a container is its who started it, what is unclear has a slice of its
# own, and Livefire's runtime shim is Livefire's.
# 5: Livefire's runtime shim has started nothing; of calls that are alike, more than were noted, none is guessed; a
# canary's token counts as a canary's only; steps of BuildKit are the builder's, and a pod is given its account's token.
# 6: what may be of several atomics names each of them; who has reached into a pod or a container may ask from there;
# what no gateway noted is ambiguous in all that the daemon tells; a session is followed in one way.
# 7: an event of an image that tells its id alone is that of who asked for a change of images at the time.
# 8: what an attack asks at a place by another name of it, such as below /proc/self/root, is followed.
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
# Whose row it is; where it stands in the recording (`raw/FILE:LINE`); when it could be read (seconds, epoch).
HIDDEN = {SLICE: "string", RECORD: "string", ARRIVED: "real"}


_AMBIGUOUS, _OR = "ambiguous: ", ", "


def ambiguous(*atomics: str) -> str:
    """The slice of what may be the doing of any of these, or not: no credit for it, nor an alert in the background."""
    return f"{_AMBIGUOUS}{_OR.join(sorted(set(atomics)))}"


def may_be_of(slice_: str) -> tuple[str, ...]:
    """The atomics whose doing the rows of an ambiguous slice may be; none for any other slice."""
    return tuple(slice_.removeprefix(_AMBIGUOUS).split(_OR)) if slice_.startswith(_AMBIGUOUS) else ()


def one_of(slices: Iterable[str]) -> str:
    """The slice of what any of these may have done: empty for none, ambiguous where several can't be told apart."""
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
# Which sensor stands behind a table.
SENSOR_OF = {
    "DeviceProcessEvents": "auditd",
    "Auditd_CL": "auditd",
    "AKSAudit": "kube_audit",
    "DockerDaemon_CL": "docker_daemon",
}
# The logs that tell whose the rows of a table are, beside those of its own sensor (telemetry/attribution).
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
