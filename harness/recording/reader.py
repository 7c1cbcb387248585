"""Opening a recording: every file is verified before anything is read from it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.errors import Position, RecordingDamaged
from harness.files.document_versions import foreign, validate
from harness.model.manifest import SCHEMA, Manifest
from harness.recording import layout
from harness.recording.consistency import contradiction

_SEAL_BYTES = 1000  # it has 65


@dataclass(frozen=True)
class Recording:
    """A sealed and verified recording."""

    path: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """The content of a file; empty for one that its capture did not write. Raises RecordingDamaged."""
        return layout.read(self.sealed, name)

    @property
    def sealed(self) -> layout.Sealed:
        """Its folder, from which only verified content is read."""
        return layout.Sealed(self.path, self.manifest.files)


def open_recording(path: Path) -> Recording:
    """Verify and open a recording.

    The seal holds the SHA-256 of the manifest, and the manifest the hashes of all other files. It shows damage. It is
    no signature: a forger can seal a recording anew.
    Raises RecordingDamaged for a missing, changed or additional file, and for a schema that this version can't read.
    """
    manifest_path = path / layout.MANIFEST
    if not path.is_dir() or not layout.exists(path, layout.MANIFEST):
        hint = "Its capture was interrupted. Capture again." if (path / "raw").is_dir() else ""
        raise RecordingDamaged("not a recording: there is no manifest.json", at=Position(path), hint=hint)
    present = _present(path)
    if layout.SEAL not in present:
        raise RecordingDamaged("not sealed", at=Position(path), hint="Its capture was interrupted. Capture again.")
    with layout.open_regular(path, layout.SEAL) as file:
        seal = file.read(_SEAL_BYTES)
    # hashed in chunks, before it is read into memory: a packed file may unpack to any size
    if seal != layout.digest_of(path, layout.MANIFEST).encode() + b"\n":
        raise RecordingDamaged("the manifest does not match the seal", at=Position(manifest_path))
    written = layout.read(layout.Sealed(path, {layout.MANIFEST: seal.decode().strip()}), layout.MANIFEST)
    manifest = _manifest(written, manifest_path)
    _verify(path, manifest, present)
    if problem := contradiction(manifest):
        raise RecordingDamaged(f"the manifest contradicts itself: {problem}", at=Position(manifest_path))
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
        where = ".".join(str(key) for key in first["loc"])
        raise RecordingDamaged(f"not a {SCHEMA} manifest: {where}: {first['msg']}", at=Position(path)) from None
    except (ValueError, RecursionError) as error:
        raise RecordingDamaged(f"not a {SCHEMA} manifest: not valid JSON: {error}", at=Position(path)) from None


def _present(root: Path) -> set[str]:
    """The names of all files below a folder. Raises RecordingDamaged for a link or a special file."""
    names: set[str] = set()
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise RecordingDamaged(f"cannot be read: {error.strerror}", at=Position(folder)) from None
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                names.add(str(Path(entry.path).relative_to(root)))
            else:
                kind = "a link" if entry.is_symlink() else "no regular file"
                hint = "A recording holds files and folders, and nothing else."
                raise RecordingDamaged(f"is {kind}", at=Position(Path(entry.path)), hint=hint)
    return names


def _verify(path: Path, manifest: Manifest, names: set[str]) -> None:
    present = names - {layout.SEAL}
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
        if layout.digest_of(path, name) != expected:
            raise RecordingDamaged(
                "does not match its hash in the manifest",
                at=Position(path / stored[name]),
                hint="It was changed after its capture.",
            )
