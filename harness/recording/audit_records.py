"""What of the kernel's audit capture has recorded and proof reads: system calls and records, by their numbers.

Source: include/uapi/linux/audit.h for architectures and types, arch/*/entry/syscalls/*.tbl and asm/unistd*.h for calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

X86_64, I386, ARM64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
# Which programs a machine runs, the wide ones first.
MACHINES = {"x86_64": (X86_64, I386), "aarch64": (ARM64, ARM)}

# execve, execveat
EXECS = {X86_64: (59, 322), I386: (11, 358), ARM64: (221, 281), ARM: (11, 387)}
# clone, fork, vfork and clone3; arm64 has no fork, and no second name for it
BIRTHS = {X86_64: (56, 57, 58, 435), I386: (120, 2, 190, 435), ARM64: (220, 435), ARM: (120, 2, 190, 435)}
# connect
CONNECTS = {X86_64: (42,), I386: (362,), ARM64: (203,), ARM: (283,)}
# open, openat and openat2, with the argument that has the flags; those of openat2 are in a record of their own
OPENS = {
    X86_64: {2: "a1", 257: "a2", 437: ""},
    I386: {5: "a1", 295: "a2", 437: ""},
    ARM64: {56: "a2", 437: ""},
    ARM: {5: "a1", 322: "a2", 437: ""},
}

# The records that rows and slices are made of, and those that tell of a change of the audit.
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
    """Calls as the fields `arch` and `syscall` of a SYSCALL record have them."""
    return frozenset((f"{arch:x}", str(number)) for arch, numbers in calls.items() for number in numbers)
