"""Both cores busy, and containers that are gone at once: what each may do is known all the same."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.lab.conftest import Livefire

COUNT = 30
MANY = f"""\
attack_technique: T1610
display_name: Many containers
atomic_tests:
  - name: Many containers that are gone at once
    supported_platforms: [containers]
    executor:
      name: bash
      command: |
        for i in $(seq {COUNT // 2}); do
          docker run --rm --privileged --net=host livefire/busybox:local true &
          docker run --rm --privileged --net=host livefire/busybox:local true
          wait
        done
"""


@pytest.fixture
def busy() -> Iterator[None]:
    """Both cores busy with what gives way to others."""
    command = ["nice", "sha1sum", "/dev/zero"]
    load = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    yield
    for each in load:
        each.kill()
        each.wait()


@pytest.mark.usefixtures("busy")
def test_what_containers_may_do_that_are_gone_before_they_are_asked_about(livefire: Livefire, tmp_path: Path) -> None:
    (tmp_path / "T1610.yaml").write_text(MANY)
    done = livefire("capture", "--atomics", tmp_path, "-o", tmp_path / "r", "--cluster", "none")
    assert done.code == 0, done.err
    table = f"read_parquet('{tmp_path}/r/tables/DockerDaemon_CL.parquet')"
    found = duckdb.sql(
        "SELECT count(DISTINCT ContainerId), bool_and(Privileged AND NetworkMode = 'host') "
        f"FROM {table} WHERE Source = 'inspect' AND _Slice LIKE 'T1610/%'"
    ).fetchall()
    assert found == [(COUNT, True)]
