"""Pods as the watch saw them: their containers, accounts and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

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


def pods_of_containers(seen: Sequence[SeenPod]) -> dict[str, PodName]:
    """The names of pods, by container id."""
    return {container: pod.name for pod in seen for container in pod.containers}


@dataclass(frozen=True)
class Runners:
    """The pods that have a ServiceAccount's token: each with its account's name and its own addresses."""

    accounts: Mapping[PodName, str] = field(default_factory=dict)
    addresses: Mapping[PodName, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: Sequence[SeenPod]) -> Runners:
        """From the pods of a recording."""
        addresses: dict[PodName, set[str]] = {}
        with_account = [pod for pod in seen if pod.account]
        for pod in with_account:
            addresses.setdefault(pod.name, set()).update([pod.address] if pod.address else [])
        return cls({pod.name: pod.account for pod in with_account}, addresses)

    def source(self, addresses: object) -> PodName | None:
        """The pod that a request came from; None where there is none or more than one."""
        came = {str(address) for address in addresses} if isinstance(addresses, list) else set()
        pods = [pod for pod, own in self.addresses.items() if own & came]
        return pods[0] if len(pods) == 1 else None

    def with_account(self, user: str) -> set[PodName]:
        """The pods that have an account, given as a Kubernetes user name."""
        return {pod for pod, name in self.accounts.items() if user == f"system:serviceaccount:{pod[0]}:{name}"}
