"""What capture has recorded, proof reads: one table for both."""

from __future__ import annotations

import pytest

from harness.recording.audit_records import BIRTHS, CONNECTS, EXECS, MACHINES, OPENS, as_written
from harness.telemetry.attribution.moments import birth_of
from harness.telemetry.readers.audit_log import read_events

HEAD = "msg=audit(1.500:1):"


@pytest.mark.parametrize(("arch", "number"), sorted(as_written(EXECS)))
def test_each_exec_that_is_recorded_is_read(arch: str, number: str) -> None:
    call = f"type=SYSCALL {HEAD} arch={arch} syscall={number} success=yes exit=0 ppid=1 pid=2 ses=3"
    (event,) = read_events([call, f'type=EXECVE {HEAD} argc=1 a0="x"'])
    assert event.is_exec


@pytest.mark.parametrize(("arch", "number"), sorted(as_written(BIRTHS)))
def test_each_birth_that_is_recorded_is_read(arch: str, number: str) -> None:
    (event,) = read_events([f"type=SYSCALL {HEAD} arch={arch} syscall={number} success=yes exit=9 ppid=1 pid=2 ses=3"])
    assert birth_of(event) is not None


def test_each_table_knows_each_architecture() -> None:
    arches = {arch for machine in MACHINES.values() for arch in machine}
    for table in (EXECS, BIRTHS, CONNECTS, OPENS):
        assert set(table) == arches
    assert ("c000003e", "59") in as_written(EXECS)
