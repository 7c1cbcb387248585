"""Opening a recording: nothing is read from it before each byte of it has been verified."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.errors import Position, RecordingDamaged
from harness.model.forward import foreign, validate
from harness.model.manifest import SCHEMA, Manifest
from harness.recording import layout


@dataclass(frozen=True)
class Recording:
    """A sealed and verified recording."""

    path: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """The content of a file of the recording; empty for one that its capture did not write."""
        return layout.read(self.path, name)


def open_recording(path: Path) -> Recording:
    """Verify and open a recording.

    The seal holds the SHA-256 of the manifest, and the manifest those of all other files. It shows damage
    and carelessness; it is no signature, and whoever means to forge a recording can seal it anew.
    Raises RecordingDamaged for a missing, changed or additional file, and for a schema that this version can't read.
    """
    manifest_path = path / layout.MANIFEST
    if not path.is_dir() or not layout.exists(path, layout.MANIFEST):
        hint = "Its capture was interrupted. Capture again." if (path / "raw").is_dir() else ""
        raise RecordingDamaged("not a recording: there is no manifest.json", at=Position(path), hint=hint)
    seal = path / layout.SEAL
    if not seal.is_file():
        raise RecordingDamaged("not sealed", at=Position(path), hint="Its capture was interrupted. Capture again.")
    try:
        written = layout.read(path, layout.MANIFEST)
    except layout.UNREADABLE:
        written = b""
    if seal.read_bytes() != hashlib.sha256(written).hexdigest().encode() + b"\n":
        raise RecordingDamaged("the manifest does not match the seal", at=Position(manifest_path))
    manifest = _manifest(written, manifest_path)
    _verify(path, manifest)
    return Recording(path, manifest)


def _manifest(written: bytes, path: Path) -> Manifest:
    try:
        document = json.loads(written)
        why, hint = foreign(document, SCHEMA)
        if why:
            raise RecordingDamaged(why, at=Position(path), hint=hint)
        return validate(Manifest, document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecordingDamaged(f"not a {SCHEMA} manifest: {where}: {first['msg']}", at=Position(path)) from None
    except (ValueError, RecursionError) as error:
        raise RecordingDamaged(f"not a {SCHEMA} manifest: not valid JSON: {error}", at=Position(path)) from None


def _verify(path: Path, manifest: Manifest) -> None:
    present = {str(p.relative_to(path)) for p in path.rglob("*") if not p.is_dir()} - {layout.SEAL}
    present.remove(layout.MANIFEST if layout.MANIFEST in present else f"{layout.MANIFEST}{layout.PACKED}")
    stored = {name: name for name in present}
    for name in present:
        plain = name.removesuffix(layout.PACKED)
        if plain in manifest.files and plain not in present:
            stored[plain] = stored.pop(name)
    for name in sorted(stored.keys() - manifest.files.keys()):
        raise RecordingDamaged("is not part of the recording", at=Position(path / name))
    for name, expected in manifest.files.items():
        if name not in stored:
            raise RecordingDamaged("is missing from the recording", at=Position(path / name))
        file = path / stored[name]
        actual = layout.digest(file) if stored[name] == name else layout.digest_packed(file)
        if file.is_symlink() or actual != expected:
            raise RecordingDamaged(
                "does not match its hash in the manifest", at=Position(file), hint="It was changed after its capture."
            )
