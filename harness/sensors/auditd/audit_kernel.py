"""The kernel's audit subsystem by netlink: its settings and its rule list, byte for byte.

`auditctl` prints rules as words that do not always give the same rule again. What is put back must be what was there.
Source: include/uapi/linux/audit.h and netlink.h; rules are `struct audit_rule_data`.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping

from harness.errors import LabUnavailable, SensorLost

_GET, _SET, _LIST, _ADD, _DELETE, _GET_FEATURE = 1000, 1001, 1013, 1011, 1012, 1019
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST, _ACK = 1, 4
_HEADER = struct.Struct("=IHHII")
# struct audit_status; kernels before 3.14 end it after `backlog`.
_STATUS = tuple(
    "enabled failure pid rate_limit backlog_limit lost backlog features"
    " backlog_wait_time backlog_wait_time_actual".split()
)
_BITS = {"enabled": 1, "failure": 2, "pid": 4, "rate_limit": 8, "backlog_limit": 16, "backlog_wait_time": 32}
# The settings, in the order in which they are put back: `enabled` last, since 2 locks all others.
SETTINGS = ("failure", "rate_limit", "backlog_limit", "backlog_wait_time", "enabled")
PREPEND = 0x10  # with the filter's number: the rule is added in front of all others
_FLAGS = struct.Struct("=I")
_TIMEOUT = 5.0


class AuditKernel:
    """A connection. Its methods raise SensorLost where the kernel does not answer, LabUnavailable where it refuses."""

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 9)  # NETLINK_AUDIT
        except OSError as error:
            raise SensorLost(f"this kernel has no audit: {error.strerror}") from None
        self._socket.settimeout(_TIMEOUT)
        self._sequence = 0

    def __enter__(self) -> AuditKernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def status(self) -> dict[str, int]:
        """The settings and counts of `auditctl -s`."""
        payload = next(iter(self._ask(_GET, b"", _GET)), b"")
        numbers = struct.unpack(f"={len(payload) // 4}I", payload[: len(payload) // 4 * 4])
        status = dict(zip(_STATUS, numbers[1:], strict=False))  # the first is a mask of settings
        status.pop("features", None)
        if not {"enabled", "pid", "lost", "backlog_limit"} <= status.keys():
            raise SensorLost("the kernel's audit status cannot be read: are we root in the first namespaces?")
        return status

    def loginuid_is_immutable(self) -> bool:
        """Whether a login uid can be set only once (struct audit_features, AUDIT_FEATURE_LOGINUID_IMMUTABLE)."""
        payload = next(iter(self._ask(_GET_FEATURE, b"", _GET_FEATURE)), b"")
        return len(payload) >= 12 and bool(struct.unpack_from("=3I", payload)[2] & 2)

    def rules(self) -> list[bytes]:
        """All rules in the order in which the kernel applies them, filter by filter."""
        return list(self._ask(_LIST, b"", _LIST))

    def add(self, rule: bytes, *, first: bool = False) -> None:
        """Add a rule after the others of its filter, or before them."""
        self._do(_ADD, _FLAGS.pack(_FLAGS.unpack_from(rule)[0] | (PREPEND if first else 0)) + rule[4:])

    def delete(self, rule: bytes) -> None:
        """Remove exactly this rule, if it is there."""
        self._do(_DELETE, rule, missing=True)

    def set(self, settings: Mapping[str, int]) -> None:
        """Change some of SETTINGS, one after the other in their order."""
        for name in [*SETTINGS, "pid"]:
            if name in settings:
                numbers = dict.fromkeys(_STATUS, 0) | {name: settings[name]}
                self._do(_SET, struct.pack("=11I", _BITS[name], *(numbers[place] for place in _STATUS)))

    def forget_daemon(self) -> None:
        """Make the kernel notice that its audit daemon is dead. A living one stays registered."""
        try:
            self.set({"pid": 0})
        except LabUnavailable:  # EACCES: the daemon lives, and only it may unregister itself
            return

    def _do(self, kind: int, payload: bytes, *, missing: bool = False) -> None:
        for _ in self._ask(kind, payload, None, missing=missing):
            pass

    def _ask(self, kind: int, payload: bytes, answer_type: int | None, *, missing: bool = False) -> Iterator[bytes]:
        """Send one request; yields the answers of type `answer_type` until the kernel says that it is done."""
        self._sequence += 1
        try:
            head = _HEADER.pack(_HEADER.size + len(payload), kind, _REQUEST | _ACK, self._sequence, 0)
            self._socket.sendto(head + payload, (0, 0))
            for of, body in self._answers():
                if of == answer_type:
                    yield body
                    if kind in (_GET, _GET_FEATURE):
                        return
                elif of == _NLMSG_DONE:
                    return
                elif of == _NLMSG_ERROR:
                    code = -struct.unpack_from("=i", body)[0]
                    if code and not (missing and code == errno.ENOENT):
                        raise LabUnavailable(f"the kernel's audit refuses it: {os.strerror(code)}")
                    if answer_type is None:
                        return
        except OSError as error:
            raise SensorLost(f"the kernel's audit does not answer: {error.strerror or error}") from None

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        """The messages to our last request, as (type, payload)."""
        while True:
            data = self._socket.recv(1 << 16)
            while len(data) >= _HEADER.size:
                length, kind, _, sequence, _ = _HEADER.unpack_from(data)
                if length < _HEADER.size:
                    break
                if sequence == self._sequence:
                    yield kind, data[_HEADER.size : length]
                data = data[(length + 3) // 4 * 4 :]
