"""What runs containers without Docker: all of it goes again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.lab.conftest import Livefire, changed, footprint

LASTING = """\
attack_technique: T1610
display_name: Deploy Container
atomic_tests:
  - name: Lasting
    supported_platforms: [linux]
    input_arguments:
      containerd: {type: string, default: none}
      containerd_namespace: {type: string, default: none}
    executor:
      name: bash
      command: |
        export CONTAINERD_ADDRESS=#{containerd} CONTAINERD_NAMESPACE=#{containerd_namespace}
        mkdir rootfs
        docker export "$(docker create livefire/busybox:local true)" | tar --extract --directory=rootfs
        docker save livefire/busybox:local | ctr images import -
        COMMAND
"""


@pytest.mark.parametrize(
    "command",
    [
        "ctr run --null-io docker.io/livefire/busybox:local lasting sleep 4711",
        'podman run --rootfs "$PWD/rootfs" sleep 4711',
    ],
)
def test_a_container_without_docker_does_not_outlive_kill_9(livefire: Livefire, tmp_path: Path, command: str) -> None:
    before = footprint()
    (tmp_path / "T1610.yaml").write_text(LASTING.replace("COMMAND", command))
    process = livefire.start("capture", "--atomics", tmp_path, "--cluster", "none", "-o", tmp_path / "r")
    deadline = time.monotonic() + 60
    while not _sleeping():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.kill()
    process.communicate()
    assert livefire("clean").code == 0
    assert _sleeping() == []
    assert changed(before) == {}
    assert not livefire.state.exists()


def _sleeping() -> list[str]:
    """The processes `sleep 4711`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"sleep\x004711\x00":
                found.append(path.parent.name)
        except OSError:  # it has just ended
            continue
    return found
