"""Whether the stored tables of a recording were made from its raw logs, by hashes and row counts.

Both were noted when the tables were made. To change a log, a table or the manifest unnoticed, one has to change this
note as well. Only building the tables again shows whether the note is true (`loading.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import Position, RecordingDamaged
from harness.model.manifest import HARNESS, Derivation, Detonation, Execution, Manifest, StoredTable
from harness.recording import Recording, layout
from harness.telemetry.schema import SLICE, TABLES, VERSION, Tables
from harness.telemetry.tables import build_tables, write_tables

HINT = "`livefire prove --from-raw` judges it by its raw logs alone."
# The tables that each log mainly gives. The other logs help to attribute their rows.
_GIVES = {
    layout.AUDIT_LOG: "DeviceProcessEvents and Auditd_CL",
    layout.ALIVE: "DeviceProcessEvents and Auditd_CL",
    layout.DAEMON_LOG: "DockerDaemon_CL",
    layout.DAEMON_EVENTS: "DockerDaemon_CL",
    layout.DAEMON_REQUESTS: "DockerDaemon_CL",
    layout.KUBE_AUDIT: "AKSAudit",
    layout.KUBE_PODS: "DeviceProcessEvents and Auditd_CL",
}


def store_tables(root: Path, manifest: Manifest) -> Manifest:
    """Build the tables from the raw logs below `root`, write them there, and return the manifest with what was made."""
    tables = build_tables(root, manifest)
    write_tables(tables, root)
    return manifest.model_copy(update={"tables": VERSION, "derivation": derive(root, manifest, tables)})


def derive(root: Path, manifest: Manifest, tables: Tables) -> Derivation:
    """The note on tables that have just been written."""
    names = sorted(f"raw/{path.name}" for path in (root / "raw").iterdir())
    return Derivation(
        raw={name: layout.digest_of(root, name) for name in names if _is_log(name)},
        manifest=_whole(manifest),
        facts=_facts(manifest),
        tables={
            name: StoredTable(
                sha256=layout.digest_of(root, layout.table_file(name)), rows=dict(Counter(row[SLICE] for row in rows))
            )
            for name, rows in tables.items()
        },
    )


def require_derived(recording: Recording, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Raise RecordingDamaged where a recording has a note on its tables and they don't follow from the rest of it.

    `counts` are the numbers of loaded rows, by table and slice.
    """
    if flaw := _unfollowing(recording, counts):
        place, message = flaw
        raise RecordingDamaged(message, at=Position(recording.path / place), hint=HINT)


def is_vouched_for(recording: Recording) -> bool:
    """Whether the note matches these files and this manifest. Then either these tables follow or the note is false."""
    noted = recording.manifest.derivation
    return noted is not None and noted.manifest == _whole(recording.manifest) and not _unfollowing(recording)


def _unfollowing(recording: Recording, counts: Mapping[str, Mapping[str, int]] | None = None) -> tuple[str, str] | None:
    """The first file that differs from the note, and what is wrong; None where all agree or there is no note."""
    manifest = recording.manifest
    noted = manifest.derivation
    if noted is None:
        return None
    for name in sorted(noted.raw.keys() | {name for name in manifest.files if _is_log(name)}):
        if manifest.files.get(name) != noted.raw.get(name):
            tables = _GIVES.get(name, "tables")
            return name, f"the stored {tables} doesn't follow from it: they were made from another file"
    facts = _facts(manifest)
    for who in facts:
        if facts[who] != noted.facts.get(who):
            return layout.MANIFEST, f"the stored tables don't follow from what it says about {who}"
    for name in TABLES:
        stored = noted.tables.get(name)
        if stored is None or manifest.files.get(layout.table_file(name)) != stored.sha256:
            flaw = "it is not the file that was made from them"
            return layout.table_file(name), f"{name} doesn't follow from the raw logs: {flaw}"
        if counts is not None and (flaw := _miscounted(counts[name], stored.rows)):
            return layout.table_file(name), f"{name} doesn't follow from the raw logs: {flaw}"
    return None


def _is_log(name: str) -> bool:
    """Not raw/arrivals.jsonl: it holds when records were read, and no verdict rests on that."""
    return name.startswith("raw/") and name != layout.ARRIVALS


def _miscounted(counted: Mapping[str, int], noted: Mapping[str, int]) -> str:
    for slice_ in sorted(counted.keys() | noted.keys()):
        here, there = counted.get(slice_, 0), noted.get(slice_, 0)
        if here != there:
            return f"it has {here} row{'' if here == 1 else 's'} of {slice_}, and {there} were made"
    return ""


def _facts(manifest: Manifest) -> dict[str, str]:
    """A digest of what attribution reads, for each atomic that was run. `health` judges changed marks and checks."""
    docker = [manifest.lab.docker.kind, manifest.lab.docker.name] if manifest.lab.docker else None
    ours: list[Any] = [manifest.run_id, manifest.host.hostname, docker, manifest.lab.runtime_shim, manifest.harness_pid]
    ours += [sorted(manifest.harness_users), sorted(manifest.harness_containers)]
    ours += [manifest.host.addresses] if manifest.host.addresses else []
    return {HARNESS: _digest(ours)} | {d.atomic: _digest(_of(d)) for d in manifest.detonations if d.attack}


def _whole(manifest: Manifest) -> str:
    tokens = [mark.token for sensor in manifest.sensors for mark in sensor.marks]
    return _digest([_facts(manifest), [[d.atomic, _of(d)] for d in manifest.detonations], tokens])


def _of(detonation: Detonation) -> list[Any]:
    executions = [*([detonation.attack] if detonation.attack else []), *detonation.others]
    return [detonation.user, *(_of_execution(execution) for execution in executions)]


def _of_execution(execution: Execution) -> list[Any]:
    """Field by field, so that a key of a later version doesn't change the digest."""
    return [
        execution.role,
        execution.pid,
        execution.session,
        execution.started.timestamp(),
        execution.finished.timestamp(),
        execution.command,
        [[canary.token, canary.name, canary.pid] for canary in execution.canaries],
    ]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
