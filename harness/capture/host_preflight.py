"""Checks of this host: what any live run needs, and what the bare control plane needs beyond that."""

from __future__ import annotations

import os

from harness.errors import LabUnavailable
from harness.host.cgroup import check_group
from harness.host.owned_folders import new_id, owned_folders
from harness.host.preflight import Check, Doubt, Probe, free_disk, look
from harness.host.process import find_tool
from harness.lab.docker.docker_host import needs_shim
from harness.lab.docker.image import is_static
from harness.lab.kubernetes.binaries import find_etcd, find_kube_apiserver
from harness.sensors.auditd.audit_kernel import AuditKernel
from harness.sensors.auditd.audit_rules import describe, key_of, swallowing
from harness.sensors.auditd.audit_state import OWN_KEY, audit_daemon

_TOOLS = {"dockerd": "docker.io", "docker": "docker.io", "containerd": "containerd", "runc": "runc", "ip": "iproute2"}
_TOOLS |= {"auditd": "auditd", "auditctl": "auditd", "kubectl": "kubernetes-client", "openssl": "openssl"}
_MINIMUM_FREE = 1 << 30


def check_host() -> list[Check]:
    """What any live run needs."""
    probes: list[tuple[str, Probe]] = [("root", _root)]
    probes += [(tool, lambda t=tool, p=package: str(find_tool(t, package=p))) for tool, package in _TOOLS.items()]  # type: ignore[misc]
    probes += [("busybox", _busybox), ("audit", _audit), ("audit rules", _audit_rules), ("login uid", _login_uid)]
    probes += [
        ("capabilities", _capabilities),
        ("control groups", _control_groups),
        ("disk", lambda: free_disk(_MINIMUM_FREE)),
        ("left behind", _left_behind),
    ]
    return [look(name, probe) for name, probe in probes]


def check_control_plane() -> list[Check]:
    """What the bare control plane needs beyond that."""
    return [look("etcd", lambda: str(find_etcd())), look("kube-apiserver", lambda: str(find_kube_apiserver()))]


def _root() -> str:
    if os.geteuid() != 0:
        raise LabUnavailable("a managed Docker host and auditd need root", hint="Run with sudo.")
    return "yes"


def _busybox() -> str:
    path = find_tool("busybox", package="busybox-static")
    if not is_static(path):
        raise LabUnavailable(f"{path} is not static", hint="Install the package 'busybox-static'.")
    return f"{path}, static"


def _audit() -> str:
    with AuditKernel() as kernel:
        status = kernel.status()
    if status["enabled"] == 2:
        raise LabUnavailable("the kernel's audit rules are locked (auditctl -e 2)", hint="Only a reboot unlocks them.")
    name = audit_daemon(status["pid"]) if status["pid"] else ""
    if name not in ("", "auditd"):
        hint = "A kernel has one audit daemon: end this one for the time of a capture."
        raise LabUnavailable(f"the kernel's audit records go to {name} (pid {status['pid']})", hint=hint)
    daemon = f"auditd runs, pid {status['pid']}" if name else "no auditd runs: one will be started"
    return f"{daemon}; lost {status['lost']}"


def _audit_rules() -> str:
    with AuditKernel() as kernel:
        rules = kernel.rules()
    left = {key_of(rule) for rule in rules if key_of(rule).startswith(OWN_KEY)}
    swallowing_ = [describe(rule) for rule in swallowing(rules, rules[:1])]
    if swallowing_:
        hint = "Remove the rule for the time of a capture, or verdicts are INCONCLUSIVE: no sensor gets these records."
        raise Doubt(f"these audit rules keep records from any sensor: {'; '.join(swallowing_)}", hint=hint)
    if left:
        raise Doubt(f"audit rules of a capture are left: {', '.join(sorted(left))}", hint="Run `livefire clean`.")
    return f"{len(rules)} that are not Livefire's, which a capture keeps" if rules else "none"


def _login_uid() -> str:
    with AuditKernel() as kernel:
        immutable = kernel.loginuid_is_immutable()
    if immutable:
        return "immutable: atomics are distinguished by their process tree"
    return "can be set: each atomic gets an audit session of its own"


def _capabilities() -> str:
    return "bounded: the OCI runtime shim will be used" if needs_shim() else "full: runc is used as it is"


def _control_groups() -> str:
    name = f"livefire-{new_id('run')}"
    try:
        return f"each shell of an atomic gets its own, in {check_group(name)}"
    except LabUnavailable as error:
        raise Doubt(f"none can be made: {error.message}", hint=error.hint) from None


def _left_behind() -> str:
    kept = [o for o in owned_folders() if o.kept]
    unfinished = [o.id for o in owned_folders() if o not in kept]
    if unfinished:
        raise LabUnavailable(", ".join(unfinished), hint="Run `livefire clean`, unless a run is going on.")
    return "nothing" + (f"; kept lab {kept[0].id}" if kept else "")
