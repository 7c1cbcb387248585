"""Writing a recording: raw files first, then tables, then the manifest, and the seal last."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from harness.errors import InvalidInput, Position
from harness.model.manifest import Manifest
from harness.recording import layout


class RecordingWriter:
    """An unfinished recording. `open_recording` refuses it until it is sealed."""

    def __init__(self, path: Path) -> None:
        """Make the folder, mode 0700. Raises InvalidInput where it is not empty or can't be made."""
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InvalidInput("there is something here already", at=Position(path), hint="Name a new folder.")
        self._made = [path / "raw", path / "tables", *([] if path.exists() else [path])]
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            for name in ("raw", "tables"):
                (path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"cannot be written: {error.strerror}", at=Position(path)) from None
        self.path = path

    def file(self, name: str) -> Path:
        """The path of a file of the recording, `raw/…` or `tables/…`."""
        return self.path / name

    def discard(self) -> None:
        """Remove the folders if nothing was recorded: they would look like an interrupted capture."""
        for path in self._made:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()

    def seal(self, manifest: Manifest) -> Manifest:
        """Hash each file, write the manifest and the seal; returns the manifest with the hashes."""
        files = sorted(p for p in self.path.rglob("*") if p.is_file())
        hashes = {str(p.relative_to(self.path)): layout.digest(p) for p in files}
        sealed = manifest.model_copy(update={"files": hashes})
        target = self.path / layout.MANIFEST
        target.write_text(sealed.model_dump_json(by_alias=True, indent=1) + "\n", encoding="utf-8")
        with (self.path / layout.SEAL).open("w", encoding="ascii") as seal:
            seal.write(layout.digest(target) + "\n")
            seal.flush()
            os.fsync(seal.fileno())
        return sealed
