"""Pods as the watch saw them (`raw/kube-pods.jsonl`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.recording.json_lines import parsed, seconds, text

PodName = tuple[str, str]  # namespace and name


@dataclass(frozen=True)
class SeenPod:
    """A pod as it was seen (`raw/kube-pods.jsonl`); `at` in seconds, epoch. Older recordings have no account."""

    at: float
    name: PodName
    containers: tuple[str, ...]
    account: str = ""
    address: str = ""


def read_pods(lines: Iterable[str]) -> list[SeenPod]:
    """The pods of a recording as they were seen. Other lines are skipped."""
    return [pod for line in lines if (pod := _read(line)) is not None]


def _read(line: str) -> SeenPod | None:
    try:
        item = parsed(line)
        return SeenPod(
            at=seconds(item["time"]),
            name=(text(item["namespace"]), text(item["name"])),
            containers=tuple(text(id_) for id_ in item["container_ids"]),
            account=_optional(item.get("account")),
            address=_optional(item.get("address")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _optional(value: object) -> str:
    return value if isinstance(value, str) else ""
