"""Rows of `AKSAudit` from the API server's audit log (audit.k8s.io/v1 Event, one JSON object a line)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.recording.json_lines import parsed
from harness.telemetry.readers.arrivals import ArrivalOf
from harness.telemetry.schema import ARRIVED, BACKGROUND, RECORD, SLICE, Row, complete


def aks_audit_rows(lines: Iterable[bytes], file: str, callers: Sequence[str], arrival: ArrivalOf) -> list[Row]:
    """One row for each event; other lines are skipped. `callers` are the slices of all lines."""
    rows, offset = [], 0
    for number, line in enumerate(lines, 1):
        offset += len(line)
        event = _event(line)
        if event is None:
            continue
        user = event.get("user") if isinstance(event.get("user"), dict) else {}
        uri = str(event.get("requestURI", ""))
        reference = event.get("objectRef") or {}
        row = {
            "TimeGenerated": _time(event.get("stageTimestamp")),
            "Annotations": event.get("annotations"),
            "AuditId": str(event.get("auditID", "")),
            "Level": str(event.get("level", "")),
            "ObjectRef": reference or None,
            "PodName": str(reference.get("name", "")) if reference.get("resource") == "pods" else "",
            "RequestObject": event.get("requestObject"),
            "RequestReceivedTime": _time(event.get("requestReceivedTimestamp")),
            "RequestUri": uri,
            "ResponseObject": event.get("responseObject"),
            "ResponseStatus": event.get("responseStatus"),
            "SourceIps": event.get("sourceIPs"),
            "Stage": str(event.get("stage", "")),
            "StageReceivedTime": _time(event.get("stageTimestamp")),
            "User": user or None,
            "UserAgent": str(event.get("userAgent", "")),
            "Verb": str(event.get("verb", "")),
            SLICE: callers[number - 1] or BACKGROUND,
            RECORD: f"{file}:{number}",
            ARRIVED: arrival(offset),
        }
        rows.append(complete("AKSAudit", row))
    return rows


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = parsed(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or event.get("kind") != "Event":
        return None
    return event if isinstance(event.get("objectRef") or {}, dict) else None


def _time(text: Any) -> str | None:
    """RFC 3339 with microseconds, as Kubernetes writes it."""
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    except (ValueError, OverflowError):
        return None
