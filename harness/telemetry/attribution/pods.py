"""Pods as the watch saw them: their containers, accounts and addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.telemetry.readers.seen_pods import PodName, SeenPod


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
