"""Containers whose id the client chose, as in `ctr run IMAGE ID`: any word, and in no daemon's record.

A containerd has one container of an id in a namespace at a time, and starts a shim for it that carries all three in
its command line. So the first shim that is started after a process of the atomic's named that id is the atomic's, if
it is on the containerd and in the namespace that the atomic's script names, or the default ones.
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
    """What a shim serves, from its command line (containerd, runtime/v2/shim/shim.go)."""

    address: str
    namespace: str
    id: str


@dataclass
class NamedContainers:
    """Answers for one recording; `scripts` are the commands of the atomics as they were run. Feed it in log order."""

    scripts: Mapping[str, str]
    _named: list[tuple[str, set[str]]] = field(default_factory=list)
    _owners: dict[_Shim, str] = field(default_factory=dict)

    def note(self, atomic: str, arguments: list[str]) -> None:
        """A process of an atomic's, by which it may start a container."""
        words = set(arguments[1:])
        if words & _VERBS:
            self._named.append((atomic, words))

    def of_shim(self, arguments: list[str]) -> tuple[str, str]:
        """The id that a shim serves and whose it is; an empty id for any other process."""
        shim = _read(arguments)
        if shim is None:
            return "", BACKGROUND
        if arguments[-1] == "start":
            self._owners[shim] = self._claim(shim)
        return shim.id, self._owners.get(shim, BACKGROUND)

    def _claim(self, shim: _Shim) -> str:
        """The atomic that named it last; it has to name it again for the next one."""
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
