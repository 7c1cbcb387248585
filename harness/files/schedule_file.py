"""The file of a simulated schedule, which `livefire schedule --json` writes."""

from __future__ import annotations

import json
from pathlib import Path

from harness.files.documents import read_document, write_json_document
from harness.model.schedule_result import SCHEMA, ScheduleResult


def read_schedule(path: Path) -> ScheduleResult:
    """The result in a file that `write_schedule` wrote. Raises InvalidInput."""
    return read_document(path, ScheduleResult, SCHEMA, hint="`livefire schedule RULE RECORDING --json F` writes one.")


def write_schedule(result: ScheduleResult, target: str) -> None:
    """Write it to a file, or to standard output for `-`. Raises InvalidInput for a file that can't be written."""
    document = result.model_dump(mode="json", by_alias=True)
    write_json_document(json.dumps(document, indent=1, ensure_ascii=False), target)
