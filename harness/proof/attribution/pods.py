"""Which atomic a pod belongs to: that whose identity created it, by the API audit log and what the pod watch saw."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Pods:
    """Which atomic a pod's containers belong to: that of the last request before the pod was seen that created it.

    A pod that a controller made, for a Deployment or a Job, is the controller's doing and stays background.
    """

    creations: list[tuple[float, tuple[str, str], str]] = field(default_factory=list)

    def owners(self, lines: Iterable[str]) -> dict[str, str]:
        """Container ids and their users, from `raw/kube-pods.jsonl`."""
        found: dict[str, str] = {}
        for at, name, ids in _read_seen(lines):
            users = [user for created, pod, user in self.creations if pod == name and created <= at]
            if users:
                found |= dict.fromkeys(ids, users[-1])
        return found


def read_pod_creations(events: Iterable[bytes]) -> Pods:
    """The successful creations of pods in an API audit log (audit.k8s.io/v1), in its order."""
    found = []
    for line in events:
        if b'"create"' not in line:  # most of a log, and so not even read
            continue
        try:
            event = json.loads(line)
            ref, at = event["objectRef"], datetime.fromisoformat(event["requestReceivedTimestamp"])
            of_pod = ref["resource"] == "pods" and not ref.get("subresource")
            if of_pod and event["verb"] == "create" and event["responseStatus"]["code"] < 300:
                name, user = (str(ref["namespace"]), str(ref["name"])), str(event["user"]["username"])
                found.append((at.timestamp(), name, user))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return Pods(found)


def read_pod_names(lines: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Container ids and the namespace and name of their pods, from `raw/kube-pods.jsonl`."""
    return {container: name for _, name, ids in _read_seen(lines) for container in ids}


def _read_seen(lines: Iterable[str]) -> Iterator[tuple[float, tuple[str, str], list[str]]]:
    """When a pod was seen (seconds, epoch), its namespace and name, and the ids of its containers."""
    for line in lines:
        try:
            item = json.loads(line)
            name, ids = (str(item["namespace"]), str(item["name"])), [str(each) for each in item["container_ids"]]
            yield float(item["time"]), name, ids
        except (ValueError, KeyError, TypeError):
            continue


@dataclass(frozen=True)
class Runners:
    """The pods that have a ServiceAccount's token, from `raw/kube-pods.jsonl`: each with its account's name and its own
    addresses. `older` are those that no request of the log has made. Older recordings tell neither.
    """

    accounts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    addresses: Mapping[tuple[str, str], set[str]] = field(default_factory=dict)
    older: frozenset[tuple[str, str]] = frozenset()

    def source(self, addresses: object) -> tuple[str, str] | None:
        """The pod that a request came from; None where it may be several or none."""
        came = {str(each) for each in addresses} if isinstance(addresses, list) else set()
        found = [pod for pod, own in self.addresses.items() if own & came]
        return found[0] if len(found) == 1 else None

    def was_used(self, user: str) -> bool:
        """Whether a pod that was there before has the account."""
        return any(pod in self.older for pod in self._of(user))

    def _of(self, user: str) -> list[tuple[str, str]]:
        return [pod for pod, name in self.accounts.items() if user == f"system:serviceaccount:{pod[0]}:{name}"]


def read_runners(lines: Iterable[str], creations: Pods) -> Runners:
    """Those of a recording; lines that are none are passed over."""
    accounts: dict[tuple[str, str], str] = {}
    addresses: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        try:
            item = json.loads(line)
            pod, account = (str(item["namespace"]), str(item["name"])), item.get("account")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if isinstance(account, str) and account:
            accounts[pod] = account
            addresses.setdefault(pod, set()).update([str(item["address"])] if item.get("address") else [])
    return Runners(accounts, addresses, frozenset(accounts) - {pod for _, pod, _ in creations.creations})
