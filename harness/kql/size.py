"""Sizes as command lines write them: `512MB`, `2GB` (powers of 1000), `1GiB` (powers of 1024)."""

from __future__ import annotations

import re

_UNITS = {"B": 1} | {f"{p}{s}": b**n for s, b in (("B", 1000), ("iB", 1024)) for n, p in enumerate("kMGT", 1)}
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?([kKMGT]i?B|B)", re.ASCII)


def parse_size(text: str) -> int:
    """A size in bytes. Raises ValueError, with a message for the user, for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no size: write 512MB, 2GB or 1GiB")
    return int(float(match[1]) * _UNITS[match[2].replace("K", "k")])


def format_size(size: int) -> str:
    """A size to read, in powers of 1000, rounded to three digits: `2 GB`, `1.5 MB`."""
    unit = max((u for u in _UNITS if "i" not in u and _UNITS[u] <= size), key=_UNITS.__getitem__, default="B")
    shown = size / _UNITS[unit]
    return f"{shown:.0f} {unit}" if shown >= 100 else f"{shown:.3g} {unit}"  # no exponent
