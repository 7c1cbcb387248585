"""All who make what a ledger names: importing this registers how each kind is undone, and how it is found."""

from harness.capture import cgroup as cgroup
from harness.capture import undo as undo
from harness.capture.lab import canary_container as canary_container
from harness.capture.lab import docker_front as docker_front
from harness.capture.lab import docker_undo as docker_undo
from harness.capture.lab import kube_undo as kube_undo
from harness.capture.lab import made_undo as made_undo
from harness.capture.lab import sysctl as sysctl
from harness.capture.sensors import audit_daemon as audit_daemon
from harness.capture.sensors import audit_state as audit_state
