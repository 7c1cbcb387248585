"""Durations as rules and command lines write them: `5m`, `1h`, `14d`, and ISO 8601 such as `PT1H`, `P1DT12H`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PLAIN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([dhms])", re.ASCII)
# Weeks stand alone in ISO 8601; months and years have no fixed length, so they are none of ours.
_ISO = re.compile(r"P(?:(\d{1,9})W|(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?)", re.ASCII)
_LIMIT = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """A duration of at most ten years. Raises ValueError, with a message for the user, for anything else."""
    if plain := _PLAIN.fullmatch(text):
        found = timedelta(**{_UNITS[plain[2]]: float(plain[1])}) if float(plain[1]) <= _LIMIT.total_seconds() else None
    else:
        iso = _ISO.fullmatch(text)
        if iso is None or not any(iso.groups()) or text.endswith("T"):
            raise ValueError(f"'{text}' is no duration: write 5m, 1h, 14d, or PT5M, PT1H, P14D")
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in iso.groups())
        found = _sum(weeks, days, hours, minutes, seconds)
    if found is None or found > _LIMIT:
        raise ValueError(f"'{text}' is longer than ten years")
    return found


def _sum(weeks: int, days: int, hours: int, minutes: int, seconds: int) -> timedelta | None:
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def format_duration(value: timedelta | float) -> str:
    """A duration for people: `1d`, `1h 5m`, `7m 30s`, `0.25s`. A number is seconds. It is rounded to two parts."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if abs(seconds) < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + "s"
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    sizes = [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]
    first = next(n for n, (_, size) in enumerate(sizes) if left >= size)
    last = min(first + 1, len(sizes) - 1)
    whole = round(left / sizes[last][1]) * sizes[last][1]
    parts = []
    for unit, size in sizes[: last + 1]:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + " ".join(parts)
