"""Containers whose id the client chose, as in `ctr run IMAGE ID`: any word, which no daemon recorded.

A containerd has at most one container of an id in a namespace, and starts a shim for it whose command line holds its
address, the namespace and the id. So when a process of an atomic names an id, the next shim with that id belongs to the
atomic, if containerd and namespace are named in the atomic's script or are the default ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from harness.telemetry.schema import BACKGROUND

# containerd, cmd/ctr/app/main.go
_ADDRESS, _NAMESPACE = "/run/containerd/containerd.sock", "default"
_VERBS = {"run", "start"}


@dataclass(frozen=True)
class _Shim:
    """The container of a shim, from its command line (containerd, runtime/v2/shim/shim.go)."""

    address: str
    namespace: str
    id: str


@dataclass
class NamedContainers:
    """Attributes shims in the order of the log. `scripts` are the commands of the atomics as they were run."""

    scripts: Mapping[str, str]
    _named: list[tuple[str, set[str]]] = field(default_factory=list)
    _owners: dict[_Shim, str] = field(default_factory=dict)

    def note(self, atomic: str, arguments: list[str]) -> None:
        """Take in a process of an atomic, which may start a container."""
        words = set(arguments[1:])
        if words & _VERBS:
            self._named.append((atomic, words))

    def of_shim(self, arguments: list[str]) -> tuple[str, str]:
        """The container id of a shim, and its slice; an empty id for any other process."""
        shim = _read(arguments)
        if shim is None:
            return "", BACKGROUND
        if arguments[-1] == "start":
            self._owners[shim] = self._claim(shim)
        return shim.id, self._owners.get(shim, BACKGROUND)

    def _claim(self, shim: _Shim) -> str:
        """The last atomic that named the id. Each naming counts for one shim."""
        for atomic, words in reversed(self._named):
            script = self.scripts.get(atomic, ())
            there = shim.address == _ADDRESS or shim.address in script
            if shim.id in words and there and (shim.namespace == _NAMESPACE or shim.namespace in script):
                words.discard(shim.id)
                return atomic
        return BACKGROUND


def _read(arguments: list[str]) -> _Shim | None:
    values = dict(pairwise(arguments))
    if {"-address", "-namespace", "-id"} - values.keys():
        return None
    is_shim = "containerd-shim" in arguments[0].rpartition("/")[2]
    return _Shim(values["-address"], values["-namespace"], values["-id"]) if is_shim else None
