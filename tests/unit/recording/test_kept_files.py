"""Each raw file is read once for a proof's tables, and once for the health of its sensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.judge.health.health import Health
from harness.recording import layout, open_recording
from harness.telemetry.tables import build_tables
from tests.conftest import COMMITTED


def test_who_asks_again_is_given_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    log = tmp_path / layout.AUDIT_LOG
    log.write_bytes(b"before")
    root = layout.KeptFiles.of(tmp_path)
    assert layout.read(root, layout.AUDIT_LOG) == b"before"
    log.write_bytes(b"after")
    assert layout.read(root, layout.AUDIT_LOG) == b"before"
    assert layout.read(layout.KeptFiles.of(root), layout.AUDIT_LOG) == b"before"
    assert layout.read(root, layout.ALIVE) == b""
    with layout.copy(root, layout.AUDIT_LOG) as file:  # type: ignore[union-attr]
        assert file.read() == b"after"


@pytest.mark.parametrize("reads", [build_tables, Health.of])
def test_no_file_is_read_twice(reads: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    recording = open_recording(COMMITTED)
    counts: Counter[str] = Counter()
    copied = layout.copy

    def counted(root: layout.Root, name: str) -> object:
        counts[name] += 1
        return copied(root, name)

    monkeypatch.setattr(layout, "copy", counted)
    reads(recording.sealed, recording.manifest)
    assert layout.AUDIT_LOG in counts
    assert set(counts.values()) == {1}
