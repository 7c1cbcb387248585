"""Rules of the kernel's audit: ours, any rule in auditctl's words, and whether a rule can keep records from us.

Source: include/uapi/linux/audit.h (`struct audit_rule_data`) and kernel/auditfilter.c: the rules of a filter apply in
their order, and the first that matches decides. So ours go first, and a rule before them is not ours.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import LabUnavailable
from harness.recording.audit_records import ARM, ARM64, BIRTHS, CONNECTS, EXECS, I386, MACHINES, OPENS, RECORDS, X86_64

_FILTERS = {0: "user", 1: "task", 4: "exit", 5: "exclude", 6: "filesystem", 7: "io_uring"}
_ACTIONS = {0: "never", 1: "possible", 2: "always"}
_TASK, _EXIT, _EXCLUDE = 1, 4, 5
_NEVER, _ALWAYS = 0, 2
_FIELDS = {0: "pid", 1: "uid", 2: "euid", 3: "suid", 4: "fsuid", 5: "gid", 6: "egid", 9: "auid", 10: "pers", 11: "arch"}
_FIELDS |= {12: "msgtype", 13: "subj_user", 14: "subj_role", 15: "subj_type", 18: "ppid", 25: "sessionid"}
_FIELDS |= {100: "devmajor", 102: "inode", 103: "exit", 104: "success", 105: "path", 106: "perm", 107: "dir"}
_FIELDS |= {108: "filetype", 111: "field_compare", 112: "exe", 200: "a0", 201: "a1", 202: "a2", 203: "a3", 210: "key"}
_MSGTYPE, _ARCH, _SUCCESS, _KEY = 12, 11, 104, 210
_AUID, _FILETYPE, _FIFO = 9, 108, 0o010000
_TEXTS = {13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 105, 107, 112, _KEY}  # their value is the length of a text
_OPERATORS = {0x40000000: "=", 0x30000000: "!=", 0x10000000: "<", 0x20000000: ">", 0x50000000: "<=", 0x60000000: ">="}
_SHAPE = struct.Struct("=3I64I64I64I64II")
_ARCHES = {X86_64: "b64", I386: "b32", ARM64: "b64", ARM: "b32"}
_NAMES = {
    (arch, n): name for arch, calls in EXECS.items() for n, name in zip(calls, ("execve", "execveat"), strict=True)
}
_RECORDED = (EXECS, BIRTHS, CONNECTS, OPENS)

_Calls = Mapping[int, Iterable[int]]  # by architecture


@dataclass(frozen=True)
class _Field:
    number: int
    operator: int
    value: int
    text: str


def exec_rules(key: str, machine: str = "") -> list[bytes]:
    """Rules that record each execve and execveat, 64 and 32 bit. Raises LabUnavailable on an unknown machine."""
    return [_encode(arch, calls, key.encode()) for arch, calls in _known(EXECS, machine)]


def birth_rules(key: str, machine: str = "") -> list[bytes]:
    """Rules that record each new process and thread: they give the parent of each, and show when a pid is used again.

    Nothing cheaper does: a killed process makes no exit_group. They double the log: beside 81 executions stood 224
    births, 1600 and 580 bytes each. Raises LabUnavailable on an unknown machine.
    """
    return [_encode(arch, calls, key.encode(), (_SUCCESS, 1)) for arch, calls in _known(BIRTHS, machine)]


def contact_rules(key: str, machine: str = "") -> list[bytes]:
    """Rules that record where the processes of attacks contact other processes: sockets and FIFOs.

    Attacks have the audit uid 0 (shell.py); daemons and containers have none. Raises LabUnavailable on an unknown
    machine.
    """
    connects = [_encode(arch, calls, key.encode(), (_AUID, 0)) for arch, calls in _known(CONNECTS, machine)]
    fifo = ((_AUID, 0), (_FILETYPE, _FIFO))
    return connects + [_encode(arch, calls, key.encode(), *fifo) for arch, calls in _known(OPENS, machine)]


def _known(calls: _Calls, machine: str) -> list[tuple[int, Iterable[int]]]:
    arches = MACHINES.get(machine or platform.machine())
    if arches is None:
        raise LabUnavailable(f"the system calls of {platform.machine()} are not known to Livefire")
    return [(arch, calls[arch]) for arch in arches]


def _encode(arch: int, calls: Iterable[int], key: bytes, *further: tuple[int, int]) -> bytes:
    """A rule for these calls; `further` are fields that must be equal to a number."""
    mask, fields, values, operators = [0] * 64, [0] * 64, [0] * 64, [0] * 64
    for call in calls:
        mask[call // 32] |= 1 << call % 32
    for place, (field, value) in enumerate([(_ARCH, arch), *further, (_KEY, len(key))]):
        fields[place], values[place], operators[place] = field, value, 0x40000000
    count = 2 + len(further)
    return _SHAPE.pack(_EXIT, _ALWAYS, count, *mask, *fields, *values, *operators, len(key)) + key


def filter_of(rule: bytes) -> int:
    """The number of the filter that a rule belongs to."""
    return int(_SHAPE.unpack_from(rule)[0]) & 0xF


def key_of(rule: bytes) -> str:
    """The key of a rule; empty where it has none."""
    return next((field.text for field in _fields(rule) if field.number == _KEY), "")


def describe(rule: bytes) -> str:
    """A rule as arguments of auditctl, for people; numbers stand for names that only auditctl knows."""
    words = _SHAPE.unpack_from(rule)
    arch = next((field.value for field in _fields(rule) if field.number == _ARCH), 0)
    arguments = [f"-a {_ACTIONS.get(words[1], words[1])},{_FILTERS.get(words[0] & 0xF, words[0] & 0xF)}"]
    arguments += [_describe(field) for field in _fields(rule) if field.number == _ARCH]
    calls = [n for n in range(2048) if words[3 + n // 32] >> n % 32 & 1]
    if calls and len(calls) < 1000 and words[0] & 0xF == _EXIT:
        arguments.append("-S " + ",".join(_NAMES.get((arch, n), str(n)) for n in calls))
    arguments += [_describe(field) for field in _fields(rule) if field.number not in (_ARCH, _KEY)]
    return " ".join([*arguments, *(f"-k {key}" for key in [key_of(rule)] if key)])


def swallowing(rules: Sequence[bytes], ours: Sequence[bytes]) -> list[bytes]:
    """The rules that can keep a record from us that proof reads. `rules` is the kernel's list, with `ours` in it."""
    last = max((place for place, rule in enumerate(rules) if rule in ours), default=len(rules))
    return [rule for place, rule in enumerate(rules) if _can_swallow(rule, before=place < last)]


def _can_swallow(rule: bytes, *, before: bool) -> bool:
    where, action = filter_of(rule), _SHAPE.unpack_from(rule)[1]
    if where == _TASK:
        return bool(action == _NEVER)
    if where == _EXIT:
        return bool(before and action == _NEVER and _names_a_call_of_ours(rule))
    if where == _EXCLUDE:  # whatever its action (kernel/auditfilter.c, audit_filter)
        types = [field for field in _fields(rule) if field.number == _MSGTYPE]
        return any(all(_holds(field, needed) for field in types) for needed in RECORDS)
    return False


def _names_a_call_of_ours(rule: bytes) -> bool:
    words = _SHAPE.unpack_from(rule)
    arches = {f.value for f in _fields(rule) if f.number == _ARCH and f.operator == 0x40000000}
    known = [pair for recorded in _RECORDED for pair in recorded.items()]
    numbers = {n for arch, calls in known if not arches or arch in arches for n in calls}
    return any(words[3 + n // 32] >> n % 32 & 1 for n in numbers)


def _holds(field: _Field, value: int) -> bool:
    if field.operator == 0x30000000:
        return value != field.value
    smaller, greater, equal = (bool(field.operator & bit) for bit in (0x10000000, 0x20000000, 0x40000000))
    return (smaller and value < field.value) or (greater and value > field.value) or (equal and value == field.value)


def _fields(rule: bytes) -> Iterator[_Field]:
    words = _SHAPE.unpack_from(rule)
    place = _SHAPE.size
    for n in range(min(words[2], 64)):
        number, value, operator = words[67 + n], words[131 + n], words[195 + n]
        text = ""
        if number in _TEXTS:
            text, place = rule[place : place + value].decode(errors="replace"), place + value
        yield _Field(number, operator, value, text)


def _describe(field: _Field) -> str:
    name = _FIELDS.get(field.number, f"field{field.number}")
    value = field.text or str(field.value)
    if field.number == _ARCH:
        value = _ARCHES.get(field.value, hex(field.value))
    elif field.number == _MSGTYPE:
        value = RECORDS.get(field.value, str(field.value))
    elif field.value == 0xFFFFFFFF and not field.text:
        value = "unset"
    elif field.number == 106:
        value = "".join(letter for bit, letter in ((4, "r"), (2, "w"), (1, "x"), (8, "a")) if field.value & bit)
    return f"-F {name}{_OPERATORS.get(field.operator, '?')}{value}"
