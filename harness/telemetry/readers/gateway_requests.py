"""The requests to the Docker daemon, as the gateways noted them (`raw/docker-requests.jsonl`)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.recording.json_lines import parsed, seconds, text, whole

Window = tuple[float, float]  # from sending to answer; seconds, epoch
_CREATE = re.compile(r"^(?:/v[\d.]+)?/containers/create(\?|$)")


@dataclass(frozen=True)
class DockerRequest:
    """One request that an atomic sent to the daemon (`raw/docker-requests.jsonl`); times in seconds, epoch.

    `config` is the requested configuration of a new container, `body_bytes` its length, and `peer` the process that
    sent it. Older recordings have none of them.
    """

    atomic: str
    sent: float
    answered: float
    method: str
    path: str
    status: int
    container_id: str
    exec_id: str = ""
    image: str = ""
    config: dict[str, Any] | None = None
    service_id: str = ""
    built: tuple[str, ...] = ()
    peer: dict[str, Any] | None = None
    body_bytes: int | None = None

    @property
    def window(self) -> Window:
        """From sending to answer."""
        return self.sent, self.answered

    @property
    def creates(self) -> bool:
        """Whether it asked for a new container."""
        return self.method == "POST" and bool(_CREATE.search(self.path))


def read_requests(lines: Iterable[str]) -> list[DockerRequest]:
    """The requests of a recording. Other lines are skipped."""
    return [request for line in lines if (request := read_request(line)) is not None]


def read_request(line: str) -> DockerRequest | None:
    """The request on one line; None where it is damaged."""
    try:
        item = parsed(line)
        return DockerRequest(
            atomic=text(item["atomic"]),
            sent=seconds(item["sent"]),
            answered=seconds(item["answered"]),
            method=text(item["method"]),
            path=text(item["path"]),
            status=whole(item["status"]),
            container_id=text(item.get("container_id") or ""),
            exec_id=text(item.get("exec_id") or ""),
            image=text(item.get("image") or ""),
            config=item["config"] if isinstance(item.get("config"), dict) else None,
            service_id=text(item.get("service_id") or ""),
            built=tuple(text(short_id) for short_id in item.get("built") or ()),
            peer=item["peer"] if isinstance(item.get("peer"), dict) else None,
            body_bytes=whole(item["body_bytes"]) if item.get("body_bytes") is not None else None,
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
