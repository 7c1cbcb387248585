"""pytest with workers on the real lab: one capture for all of them, and an interrupted one leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import main_job_rule
from tests.lab.conftest import PROJECT, Livefire, changed, footprint


def test_one_capture_serves_all_workers_and_ctrl_c_leaves_nothing_behind(livefire: Livefire, tmp_path: Path) -> None:
    (rules := tmp_path / "rules").mkdir()
    (scratch := tmp_path / "scratch").mkdir()
    main_job_rule(rules)
    command = [sys.executable, "-m", "pytest", str(rules), "-p", "no:cacheprovider", "-n", "2", "--livefire"]
    command += ["-k", "container-execution", f"--rootdir={tmp_path}", "--livefire-folder"]
    environment = livefire.environment | {"TMPDIR": str(scratch)}
    before = footprint()

    whole = [*command, str(tmp_path / "whole")]
    done = subprocess.run(whole, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120)
    assert " 5 passed" in done.stdout, done.stdout
    assert done.stdout.count("livefire: lab up") == 1
    assert (tmp_path / "whole/seal").exists()

    ended = subprocess.Popen(
        [*command, str(tmp_path / "ended")],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert ended.stdout is not None
    assert any(line.startswith("livefire: lab up") for line in ended.stdout)
    os.killpg(ended.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    ended.communicate(timeout=60)
    assert ended.returncode == 2
    assert not (tmp_path / "ended/seal").exists()

    assert changed(before) == {}
    assert not livefire.state.exists()
    assert not list(scratch.glob("livefire-*"))
