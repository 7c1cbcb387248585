"""Searching a recording for secrets: each byte of each file, unpacked, and each cell of the tables."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb

from harness.recording import layout

# What begins a secret that may get lost: a canary secret of the lab, a token of a ServiceAccount (a JSON Web Token, of
# which all begin with the base64 of `{"alg":`), a key in PEM.
BEGINNINGS = {
    "a canary secret": b"livefire-secret-",
    "a JSON Web Token": b"eyJhbGciOi",
    "a private key": b"PRIVATE KEY-----",
}
# Recordings up to November 2026: their canary secrets begin like a sensor's tokens do, and are longer.
_EARLIER = b"livefire-canary-"
_EARLIER_PLAIN = re.compile(_EARLIER + rb"[0-9a-f]{17}")
_EARLIER_HEX = re.compile(rb"(?i)" + _EARLIER.hex().encode() + rb"(?:3[0-9]|6[1-6]){17}")


def leaks(root: Path, values: Iterable[bytes] = ()) -> list[str]:
    """Where a recording holds one of the `values`, or anything that begins like a secret; each as `FILE: WHAT`."""
    wanted = {needle: what for what, beginning in BEGINNINGS.items() for needle in written(beginning)}
    wanted |= {needle: "a value" for value in values for needle in written(value)}
    wanted |= dict.fromkeys(_earlier(), "a canary secret")
    found = []
    for name, content in contents(root):
        found += [f"{name}: {what}" for needle, what in wanted.items() if needle in content]
        if _EARLIER_PLAIN.search(content) or _EARLIER_HEX.search(content):
            found.append(f"{name}: a canary secret")
    return sorted(set(found))


def contents(root: Path) -> Iterator[tuple[str, bytes]]:
    """Each file as it is stored, what a packed one holds, and all cells of a table, which Parquet compresses."""
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = str(path.relative_to(root))
        yield name, path.read_bytes()
        if path.suffix == layout.PACKED:
            yield f"{name}, unpacked", layout.read(root, name.removesuffix(layout.PACKED))
        if path.suffix == ".parquet":
            yield f"{name}, cells", _cells(path)


def written(value: bytes) -> set[bytes]:
    """The value in each way that a log may write it, and each of these once more in each way.

    Kubernetes writes secrets in base64, auditd arguments in hex; a document in base64 has them at any of three places.
    """
    return {twice for once in _written(value) for twice in _written(once)}


def _written(value: bytes) -> set[bytes]:
    text = value.decode()
    escaped = json.dumps(text)[1:-1]
    points = "".join(f"\\u{ord(character):04x}" for character in text)
    percent = "".join(f"%{byte:02X}" for byte in value)
    found = {value, quote(text, safe="").encode(), escaped.encode(), points.encode()}
    found |= {percent.encode(), percent.lower().encode(), value.hex().encode(), value.hex().upper().encode()}
    for before in range(3):
        whole = (before + len(value)) * 8 // 6  # of the characters, those that no other byte has a part in
        place = base64.b64encode(b"\0" * before + value)[-(-before * 8 // 6) : whole]
        found |= {place, place.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def _earlier() -> set[bytes]:
    """The earlier beginning where no sensor's token is: in base64, and whatever is written twice."""
    plain = {_EARLIER, _EARLIER.hex().encode(), _EARLIER.hex().upper().encode()}
    return {needle for needle in written(_EARLIER) if needle not in plain}


def _cells(path: Path) -> bytes:
    with duckdb.connect(":memory:") as con:
        rows = con.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    return "\n".join(str(cell) for row in rows for cell in row if cell is not None).encode(errors="replace")
