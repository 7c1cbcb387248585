"""What all tests share: the committed recording, and a way to change a copy of it and seal that anew."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import hypothesis
import pytest

from harness.model.manifest import Manifest
from harness.recording import Recording, RecordingWriter, layout, open_recording

pytest_plugins = ["pytester", "tests.soundness.summary"]

# The suite is run often: each property is tried on a few examples each time. `thorough` looks for what is rare; with
# `same` a test answers the same each time, as scripts/mutation-test needs it.
hypothesis.settings.register_profile("suite", max_examples=40, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=1000, deadline=None)
hypothesis.settings.register_profile("same", max_examples=40, deadline=None, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

PROJECT = Path(__file__).parents[1]
COMMITTED = PROJECT / "tests/recordings/docker-and-control-plane"
EXPECTATIONS = PROJECT / "expectations/T1059.013/container-cli-api.expect.yaml"

MAIN_JOB = [
    "T1059.013/docker-container-execution",
    "T1059.013/docker-privileged-container-creation",
    "T1059.013/kubectl-secrets-enumeration",
]

Edit = Callable[[list[str]], list[str]]
Resealed = Callable[..., Recording]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> object:
    """Turn a skip into a failure in CI."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):  # type: ignore[attr-defined]
        report.outcome = "failed"  # type: ignore[attr-defined]
        report.longrepr = f"skipped in CI: {report.longrepr}"  # type: ignore[attr-defined]
    return report


def main_job_rule(
    folder: Path, expectations: Path = EXPECTATIONS, atomics: Sequence[str] = MAIN_JOB, *, evade: bool = False
) -> Path:
    """A rules repository in `folder`: our rule, and what is expected of some atomics; without `evade` if it is false.

    Returns the file of the expectations. The atomics are by default those of the committed recording.
    """
    head, *entries = expectations.read_text().split("  - atomic: ")
    chosen = [entry for entry in entries if entry.split("\n")[0] in atomics]
    text = "  - atomic: ".join([head, *chosen])
    path = folder / expectations.name
    path.write_text(text if evade else text.replace("    evade: true\n", ""))
    shutil.copy(expectations.with_name(expectations.name.replace(".expect", "")), folder)
    return path


@pytest.fixture
def committed() -> Recording:
    """The recording of a real run."""
    return open_recording(COMMITTED)


@pytest.fixture
def resealed(tmp_path: Path) -> Resealed:
    """Makes a copy of the committed recording with some raw files or the manifest edited, sealed anew."""

    def make(edits: dict[str, Edit] | None = None, manifest: Callable[[Manifest], Manifest] | None = None) -> Recording:
        folder = tmp_path / f"recording-{len(list(tmp_path.iterdir()))}"
        original = open_recording(COMMITTED)
        writer = RecordingWriter(folder)
        shutil.copytree(COMMITTED / "raw", folder / "raw", dirs_exist_ok=True)
        shutil.copytree(COMMITTED / "tables", folder / "tables", dirs_exist_ok=True)
        for name, edit in (edits or {}).items():
            path = folder / name
            lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
            (folder / name).write_text("".join(edit(lines)))
        if layout.ARRIVALS not in (edits or {}):
            (folder / layout.ARRIVALS).unlink()  # its offsets fit the original only
        writer.seal(manifest(original.manifest) if manifest else original.manifest)
        return open_recording(folder)

    return make
