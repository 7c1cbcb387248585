"""Control groups: which there are, which are chosen, and that one holds what has left all else (as root)."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.capture import makers
from harness.capture.shell import Surroundings, execute
from harness.errors import LabUnavailable
from harness.host import cgroup
from harness.host.cgroup import check_group, make_group, preferred
from harness.host.hierarchies import Hierarchy, hierarchies
from harness.host.kinds import Foreign, Whose, find, undo
from harness.host.process import kill_found
from harness.host.waiting import NotYet

assert makers
V1 = b"""30 29 0:27 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
31 29 0:28 / /sys/fs/cgroup/net_cls,net_prio rw - cgroup cgroup rw,net_cls,net_prio
32 29 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 29 0:30 / /sys/fs/cgroup/systemd rw shared:9 - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
34 29 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
35 29 0:31 / /tmp/again rw - cgroup cgroup rw,pids
"""
V2 = rb"""29 22 0:26 / /sys/fs/cgroup\040two rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
22 1 0:20 / /sys rw - sysfs sysfs rw
noise
"""
ESCAPE = "env -i setsid sh -c 'setsid sleep 4712 & exit' & wait"


def paths(mountinfo: bytes) -> list[str]:
    return [str(each.path) for each in preferred(hierarchies(mountinfo))]


def test_of_version_1_only_what_limits_nothing_is_used() -> None:
    assert paths(V1) == ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/net_cls,net_prio"]


def test_version_2_goes_first_and_a_blank_in_a_path_is_read() -> None:
    assert paths(V1 + V2)[:2] == ["/sys/fs/cgroup two", "/sys/fs/cgroup/pids"]
    assert paths(V2) == ["/sys/fs/cgroup two"]
    assert paths(b"") == []


def mounted(version: int) -> list[Hierarchy]:
    return [each for each in preferred(hierarchies()) if each.version == version]


@pytest.fixture(params=[1, 2])
def whose(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Whose]:
    """An owner on a machine that has only this version; what the test makes is undone."""
    only = mounted(request.param)
    if not only or not all(os.access(each.path, os.W_OK) for each in only):
        pytest.skip(f"no control groups of version {request.param} that may be written")
    monkeypatch.setattr(cgroup, "hierarchies", lambda: only)
    found = Whose("run-0c9a1d", tmp_path)
    yield found
    undo("cgroup", found, {"name": f"livefire-{found.id}"})


def sleeping() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"sleep\x004712\x00":
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_what_left_its_session_and_its_environment_is_found_and_ended(whose: Whose, tmp_path: Path) -> None:
    surroundings = Surroundings("test/shell", tmp_path, None, None, cgroup=f"livefire-{whose.id}")
    found = execute(
        "attack", "bash", ESCAPE + f"; cat /proc/self/cgroup >{tmp_path}/seen; sleep 0.2", surroundings, timeout=10
    )
    assert f"/livefire-{whose.id}/shell-" in (tmp_path / "seen").read_text()
    assert sleeping() == []
    assert len(found.survivors) == 1
    assert find("cgroup", whose) == [{"name": f"livefire-{whose.id}"}]  # and nothing in it
    assert [each for h in hierarchies() for each in (h.path / f"livefire-{whose.id}").glob("*/")] == []


def test_one_that_forks_all_the_time_is_ended(whose: Whose, tmp_path: Path) -> None:
    surroundings = Surroundings("test/shell", tmp_path, None, None, cgroup=f"livefire-{whose.id}")
    forking = "for i in 1 2 3; do env -i setsid sh -c 'f() { sleep 0.01; f & exit; }; f' & done; sleep 0.3"
    started = time.monotonic()
    execute("attack", "bash", forking, surroundings, timeout=10)
    assert time.monotonic() - started < 5


def test_the_ledger_s_entry_ends_what_a_killed_run_left(whose: Whose, tmp_path: Path) -> None:
    group = make_group(f"livefire-{whose.id}")
    assert group
    escaped = subprocess.Popen(["sh", "-c", f"echo 0 >{group.door}; {ESCAPE}; sleep 0.2"])
    escaped.wait()
    assert sleeping() == group.processes() != []
    undo("cgroup", whose, {"name": f"livefire-{whose.id}"})
    assert sleeping() == []
    assert find("cgroup", whose) == []


def test_only_the_owner_s_group_is_ended(whose: Whose) -> None:
    with pytest.raises(Foreign):
        undo("cgroup", whose, {"name": "livefire-run-000000"})


def test_it_is_told_whether_a_group_can_be_had(whose: Whose) -> None:
    name = f"livefire-{whose.id}"
    assert check_group(name) in map(str, (each.path for each in hierarchies()))
    assert find("cgroup", whose) == []


def test_where_none_can_be_had_the_shell_runs_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = tmp_path / "file"
    denied.touch()
    monkeypatch.setattr(cgroup, "hierarchies", lambda: [Hierarchy(denied, 2)])
    assert make_group("livefire-run-0c9a1d") is None
    with pytest.raises(LabUnavailable, match="Not a directory"):
        check_group("livefire-run-0c9a1d")
    surroundings = Surroundings("test/shell", tmp_path, None, None, cgroup="livefire-run-0c9a1d")
    found = execute("attack", "bash", "kill -TERM $$", surroundings, timeout=10)
    assert found.exit_code == 128 + signal.SIGTERM


def test_what_is_frozen_is_ended_and_nothing_else_in_its_group_is_thawed() -> None:
    freezers = [each.path for each in hierarchies() if "freezer" in each.controllers and os.access(each.path, os.W_OK)]
    if not freezers:
        pytest.skip("no freezer of version 1 that may be written")
    group = freezers[0] / f"livefire-test-{os.getpid()}"
    group.mkdir()
    ours, other = (subprocess.Popen(["sleep", "4713"]) for _ in range(2))
    try:
        for each in (ours, other):
            (group / "cgroup.procs").write_text(str(each.pid))
        (group / "freezer.state").write_text("FROZEN")
        while (group / "freezer.state").read_text().strip() != "FROZEN":
            time.sleep(0.01)
        with pytest.raises(NotYet):
            kill_found(lambda: [ours.pid])
        assert ours.wait(5) == -signal.SIGKILL
        assert (group / "freezer.state").read_text().strip() == "FROZEN"
        assert (group / "cgroup.procs").read_text().split() == [str(other.pid)]
    finally:
        (group / "freezer.state").write_text("THAWED")
        for each in (ours, other):
            each.kill()
            each.wait()
        group.rmdir()
