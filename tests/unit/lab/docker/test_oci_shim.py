"""The OCI runtime shim: what it drops, and what it leaves alone."""

import json
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.lab.docker import oci_shim

EVERY = {f"CAP_{name}" for name in oci_shim.CAPABILITIES}
STATUS = "Name:\tcat\nCapBnd:\t{:016x}\n"


def test_the_bounding_set_is_read_by_bit_number() -> None:
    assert oci_shim.bounding_set(STATUS.format(1 << 21 | 1)) == {"CAP_CHOWN", "CAP_SYS_ADMIN"}
    assert oci_shim.bounding_set("") == set()


def test_a_full_set_is_not_bounded_and_one_missing_bit_is() -> None:
    full = (1 << 41) - 1
    assert not oci_shim.is_bounded(STATUS.format(full), 40)
    assert oci_shim.is_bounded(STATUS.format(full & ~(1 << 24)), 40)
    assert not oci_shim.is_bounded(STATUS.format(full >> 1), 39)  # an older kernel knows fewer


@given(st.lists(st.sampled_from(sorted(EVERY))), st.sets(st.sampled_from(sorted(EVERY))))
def test_only_what_is_not_allowed_is_dropped(names: list[str], allowed: set[str]) -> None:
    process: dict[str, object] = {"capabilities": {"bounding": list(names), "ambient": None}, "args": ["sh"]}
    oci_shim.trim(process, allowed)
    assert process["capabilities"] == {"bounding": [n for n in names if n in allowed], "ambient": []}
    assert process["args"] == ["sh"]


def test_options_are_found_in_both_spellings() -> None:
    assert oci_shim.option(["create", "--bundle", "/b", "id"], "--bundle", "-b") == "/b"
    assert oci_shim.option(["create", "--bundle=/b", "id"], "--bundle", "-b") == "/b"
    assert oci_shim.option(["create", "--bundle"], "--bundle") == ""


def test_as_a_program_it_trims_the_bundle_and_becomes_runc(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"process": {"capabilities": {"bounding": ["CAP_CHOWN", "CAP_NO_SUCH"]}}}))
    command = [sys.executable, "-I", "-S", oci_shim.__file__, "/bin/echo", "create", "--bundle", str(tmp_path), "box"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == f"create --bundle {tmp_path} box\n"
    assert "CAP_NO_SUCH" not in config.read_text()


def test_it_puts_a_container_below_the_control_group_it_is_given(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"process": {}, "linux": {"cgroupsPath": "/libpod_parent/libpod-box"}}))
    command = [sys.executable, "-I", "-S", oci_shim.__file__, "--cgroup=/ours", "/bin/echo", "create", "box"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30, cwd=tmp_path)
    assert done.stdout == "create box\n"
    assert json.loads(config.read_text())["linux"]["cgroupsPath"] == "/ours/box"
