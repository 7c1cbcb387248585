"""A daemon that dies, or is paused, in mid-run: what was recorded is sealed and judged, and nobody else is blamed."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import Done, Livefire, changed, footprint
from tests.lab.test_sabotage import EXECUTION, PRIVILEGED, SECRETS, sabotaged

NAMED = (
    "for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep -q 'LIVEFIRE_OWNER=lab-.*/{}$' && {}; done"
)
FOREVER = "3600"  # seconds: an attack that waits for a dead daemon has no limit that would end it in time


def signalled(daemon: str, number: str) -> str:
    return NAMED.format(daemon, f"kill -{number} ${{p#/proc/}}")


def run(livefire: Livefire, folder: Path, before: str, *atomics: str, of: str) -> Done:
    """What waits for a daemon that is dead is given up. It is no matter of how fast this machine is: if it were waited
    for, the run would take longer than any here may, and what an attack did until then would show its limit.
    """
    where = ("--atomics", sabotaged(folder, of, before), "--recording", folder / "r")
    done = livefire("run", *atomics, *where, "--json", "-", "--timeout", FOREVER)
    if (folder / "r/manifest.json").exists():
        detonations = json.loads((folder / "r/manifest.json").read_text())["detonations"]
        executed = [each for d in detonations for each in (d["attack"], *d["others"]) if each]
        assert executed
        assert not any(each["timed_out"] for each in executed)
    return done


@pytest.mark.parametrize(
    ("daemon", "number"),
    [
        ("kube-apiserver", "KILL"),
        pytest.param("kube-apiserver", "STOP", marks=pytest.mark.night),
        ("etcd", "KILL"),
        pytest.param("etcd", "STOP", marks=pytest.mark.night),
    ],
)
def test_an_api_server_that_dies_costs_what_rests_on_it(
    livefire: Livefire, tmp_path: Path, daemon: str, number: str
) -> None:
    before = footprint()
    done = run(livefire, tmp_path, signalled(daemon, number), SECRETS, EXECUTION, of=SECRETS)
    assert done.verdicts() == {SECRETS: "INCONCLUSIVE", EXECUTION: "PROVEN"}, done.err
    assert done.code == 4, done.err
    assert livefire("prove", tmp_path / "r").code == 4
    assert changed(before) == {}
    assert not livefire.state.exists()


@pytest.mark.parametrize("number", ["KILL", pytest.param("STOP", marks=pytest.mark.night)])
def test_a_dockerd_that_dies_is_no_prerequisite_that_is_missing(
    livefire: Livefire, tmp_path: Path, number: str
) -> None:
    before = footprint()
    done = run(livefire, tmp_path, signalled("dockerd", number), EXECUTION, PRIVILEGED, SECRETS, of=EXECUTION)
    assert done.verdicts() == {EXECUTION: "INCONCLUSIVE", PRIVILEGED: "INCONCLUSIVE", SECRETS: "PROVEN"}, done.err
    assert done.code == 4, done.err
    assert changed(before) == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB."""
    place = Path(tempfile.mkdtemp(prefix="lf-"))  # short: sockets lie in it
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "livefire-test", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)
    place.rmdir()


@pytest.mark.parametrize("freed", [True, False])
def test_auditd_s_disk_is_full(livefire: Livefire, tmp_path: Path, small_disk: Path, freed: bool) -> None:
    """Around the attack, and for good."""
    livefire.environment |= {"LIVEFIRE_STATE": str(small_disk / "s"), "LIVEFIRE_CLUSTER": "none"}
    fill = f"dd if=/dev/zero of={small_disk}/fill bs=64k 2>/dev/null"
    around = f"{fill}\ntrap 'rm {small_disk}/fill' EXIT" if freed else fill
    done = run(livefire, tmp_path, around, EXECUTION, PRIVILEGED, of=EXECUTION)
    assert done.code in (3, 4), (done.code, done.err)
    assert "Traceback" not in done.err
    if freed:
        assert done.verdicts()[EXECUTION] == "INCONCLUSIVE", done.err
    (small_disk / "fill").unlink(missing_ok=True)
    assert livefire("clean").code == 0
    assert not (small_disk / "s").exists()
