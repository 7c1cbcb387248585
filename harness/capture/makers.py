"""Importing this module registers how each kind of entry in a ledger is undone, and how it is found."""

from harness.host import cgroup as cgroup
from harness.host import undo as undo
from harness.lab import sysctl as sysctl
from harness.lab.docker import canary_container as canary_container
from harness.lab.docker import docker_front as docker_front
from harness.lab.docker import docker_undo as docker_undo
from harness.lab.docker import made_undo as made_undo
from harness.lab.kubernetes import kube_undo as kube_undo
from harness.sensors.auditd import audit_daemon as audit_daemon
from harness.sensors.auditd import audit_state as audit_state
