"""The system calls and record types of the kernel's audit that capture records and proof reads, by number.

Source: include/uapi/linux/audit.h for architectures and types, arch/*/entry/syscalls/*.tbl and asm/unistd*.h for calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

X86_64, I386, ARM64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
# The architectures of the programs that a machine runs, 64-bit first.
MACHINES = {"x86_64": (X86_64, I386), "aarch64": (ARM64, ARM)}

# execve, execveat
EXECS = {X86_64: (59, 322), I386: (11, 358), ARM64: (221, 281), ARM: (11, 387)}
# clone, fork, vfork and clone3; arm64 has no fork and no vfork
BIRTHS = {X86_64: (56, 57, 58, 435), I386: (120, 2, 190, 435), ARM64: (220, 435), ARM: (120, 2, 190, 435)}
# connect
CONNECTS = {X86_64: (42,), I386: (362,), ARM64: (203,), ARM: (283,)}
# open, openat and openat2, with the argument that has the flags; openat2 has them in a separate record
OPENS = {
    X86_64: {2: "a1", 257: "a2", 437: ""},
    I386: {5: "a1", 295: "a2", 437: ""},
    ARM64: {56: "a2", 437: ""},
    ARM: {5: "a1", 322: "a2", 437: ""},
}

# The records that rows and slices are made of, and the records of a change of the audit rules.
RECORDS = {
    1006: "LOGIN",
    1300: "SYSCALL",
    1302: "PATH",
    1305: "CONFIG_CHANGE",
    1306: "SOCKADDR",
    1307: "CWD",
    1309: "EXECVE",
    1337: "OPENAT2",
}


def as_written(calls: Mapping[int, Iterable[int]]) -> frozenset[tuple[str, str]]:
    """System calls as (arch, syscall), as a SYSCALL record writes these fields."""
    return frozenset((f"{arch:x}", str(number)) for arch, numbers in calls.items() for number in numbers)
