"""Rows of `DockerDaemon_CL` from the gateways: Source `request`, a request to the daemon with its answer.

The daemon's log has the call only. These rows have the answer too, even where that log can't be read.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.telemetry.readers.gateway_requests import DockerRequest, read_request
from harness.telemetry.schema import ARRIVED, RECORD, SLICE, Row, complete, sql_time


def request_rows(lines: Iterable[str], file: str, settled: Iterable[DockerRequest]) -> list[Row]:
    """One row for each request: `Method`, `Uri`, and `Message` is `answered STATUS`. Damaged lines are skipped.

    `settled` are the requests on the other lines, in their order, each with the slice of its sender.
    """
    rows, whose = [], iter(settled)
    for place, line in enumerate(lines, 1):
        request = read_request(line)
        if request is None:
            continue
        row = {
            "TimeGenerated": sql_time(request.sent),
            "Source": "request",
            "Message": f"answered {request.status}",
            "Method": request.method,
            "Uri": request.path,
            "ContainerId": request.container_id,
            SLICE: next(whose).atomic,
            RECORD: f"{file}:{place}",
            ARRIVED: request.answered,
        }
        rows.append(complete("DockerDaemon_CL", row))
    return rows
