"""Undoing, as far as it needs no root."""

from hashlib import sha256
from pathlib import Path

import pytest

from harness.capture import undo


def test_the_sockets_of_our_shims_go_and_no_other_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "SHIM_SOCKETS", tmp_path / "s")
    (tmp_path / "s").mkdir()
    containers, state = tmp_path / "containers", tmp_path / "state"
    (containers / "one").mkdir(parents=True)
    (state / "io.containerd.runtime.v2.task/livefire-lab/two").mkdir(parents=True)
    for name in ("/c.sock/moby/one", "/c.sock/livefire-lab/two", "/other.sock/moby/one"):
        (tmp_path / "s" / sha256(name.encode()).hexdigest()).touch()
    undo.shim_sockets("/c.sock", str(containers), str(state))
    assert [path.name for path in (tmp_path / "s").iterdir()] == [sha256(b"/other.sock/moby/one").hexdigest()]
