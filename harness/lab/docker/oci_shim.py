"""An OCI runtime that removes capabilities and limits that this host can't give, then becomes runc.

Root on a host with a bounded capability set (nested environments, some CI runners) can't give a capability
outside `CapBnd`, so runc refuses a privileged container: «unable to apply caps: operation not
permitted». This shim drops such capabilities from the bundle (OCI runtime specification, config.md,
`process.capabilities` and `process.rlimits`) and clamps rlimits to its own hard limits.

With `--cgroup` it also puts each container below that control group. It runs by itself, without the package:
`python3 -I -S oci_shim.py [--cgroup=PATH] RUNC ARGUMENTS…`.
"""

import json
import os
import re
import resource
import sys

# Bit numbers: include/uapi/linux/capability.h
CAPABILITIES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()


def bounding_set(status: str) -> set[str]:
    """The names (`CAP_…`) in the bounding set, from the text of /proc/self/status (proc(5))."""
    match = re.search(r"^CapBnd:\s*([0-9a-f]+)", status, re.MULTILINE)
    bits = int(match.group(1), 16) if match else 0
    return {f"CAP_{name}" for number, name in enumerate(CAPABILITIES) if bits >> number & 1}


def is_bounded(status: str, last_capability: int) -> bool:
    """Whether root here lacks a capability that the kernel knows (/proc/sys/kernel/cap_last_cap)."""
    known = {f"CAP_{name}" for name in CAPABILITIES[: last_capability + 1]}
    return not known <= bounding_set(status)


def trim(process: dict, allowed: set[str]) -> None:  # type: ignore[type-arg]  # runs without `typing` loaded
    """Drop capabilities outside `allowed` from an OCI `process` object and clamp its rlimits, in place."""
    capabilities = process.get("capabilities") or {}
    for kind, names in capabilities.items():
        capabilities[kind] = [name for name in names or [] if name in allowed]
    if "CAP_SYS_RESOURCE" in allowed:
        return
    for limit in process.get("rlimits") or []:
        number = getattr(resource, limit["type"], None)
        if number is None:
            continue
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            limit["hard"] = min(limit["hard"], hard)
            limit["soft"] = min(limit["soft"], hard)


def option(arguments: list[str], *names: str) -> str:
    """The value of a command-line option, given as `--name value` or `--name=value`; empty where absent."""
    for number, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            return value if equals else "".join(arguments[number + 1 : number + 2])
    return ""


def prepare(arguments: list[str], allowed: set[str], cgroup: str = "") -> None:
    """Trim the file that this runc call will read: the bundle's config.json, or the file of `--process`.

    With `cgroup`, a container's control group becomes `cgroup/ID`; its id is the last argument.
    """
    if "create" in arguments or "run" in arguments:
        path, inner = os.path.join(option(arguments, "--bundle", "-b") or ".", "config.json"), True  # noqa: PTH118
    elif "exec" in arguments and option(arguments, "--process", "-p"):
        path, inner = option(arguments, "--process", "-p"), False
    else:
        return
    with open(path) as file:  # noqa: PTH123  pathlib would take 20 ms to load, at each call of the runtime
        document = json.load(file)
    trim(document["process"] if inner else document, allowed)
    if inner and cgroup:
        document["linux"]["cgroupsPath"] = f"{cgroup}/{arguments[-1]}"
    with open(path, "w") as file:  # noqa: PTH123
        json.dump(document, file)


def main() -> None:
    """Prepare the bundle and exec runc (the first argument, after `--cgroup`) with the further arguments."""
    cgroup = option(sys.argv[1:2], "--cgroup")
    runc, *arguments = sys.argv[2:] if cgroup else sys.argv[1:]
    with open("/proc/self/status") as status:  # noqa: PTH123
        prepare(arguments, bounding_set(status.read()), cgroup)
    os.execv(runc, ["runc", *arguments])


if __name__ == "__main__":
    main()
