"""Durations as rules and command lines write them: `5m`, `1h`, `14d`, and ISO 8601 such as `PT1H`, `P1DT12H`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PLAIN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([dhms])", re.ASCII)
# Weeks stand alone in ISO 8601; months and years have no fixed length, so they are not accepted.
_ISO = re.compile(r"P(?:(\d{1,9})W|(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?)", re.ASCII)
_LIMIT = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """A duration of at most ten years. Raises ValueError, with a message for the user, for anything else."""
    if plain := _PLAIN.fullmatch(text):
        duration = (
            timedelta(**{_UNITS[plain[2]]: float(plain[1])}) if float(plain[1]) <= _LIMIT.total_seconds() else None
        )
    else:
        iso = _ISO.fullmatch(text)
        if iso is None or not any(iso.groups()) or text.endswith("T"):
            raise ValueError(f"'{text}' is no duration: write 5m, 1h, 14d, or PT5M, PT1H, P14D")
        weeks, days, hours, minutes, seconds = (int(number or 0) for number in iso.groups())
        duration = _sum(weeks, days, hours, minutes, seconds)
    if duration is None or duration > _LIMIT:
        raise ValueError(f"'{text}' is longer than ten years")
    return duration


def _sum(weeks: int, days: int, hours: int, minutes: int, seconds: int) -> timedelta | None:
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None


def format_duration(value: timedelta | float) -> str:
    """A duration to read: `1d`, `1h 5m`, `7m 30s`, `0.25s`, rounded to two units. A number is seconds."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if abs(seconds) < 10:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + "s"
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    sizes = [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]
    first = next(n for n, (_, size) in enumerate(sizes) if left >= size)
    last = min(first + 1, len(sizes) - 1)
    rounded = round(left / sizes[last][1]) * sizes[last][1]
    parts = []
    for unit, size in sizes[: last + 1]:
        count, rounded = divmod(rounded, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + " ".join(parts)
