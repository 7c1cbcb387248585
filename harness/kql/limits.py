"""Limits of one query: a rule may come from anyone, and may be written to run forever."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import InvalidInput, LimitMet
from harness.kql.size import format_size, parse_size
from harness.model.duration import format_duration, parse_duration

TIME, MEMORY = "60s", "2GB"
_LEAST = 32_000_000  # bytes that an engine without rows needs


@dataclass(frozen=True)
class Limits:
    """`seconds` and `memory` (bytes) of one query, and how many `threads` an engine has."""

    seconds: float = 60.0
    memory: int = 2_000_000_000
    threads: int = 2

    def late(self, name: str, *, lost: bool) -> LimitMet:
        """The error for work that took too long. `lost` says that it could not be ended."""
        message = f"{name} took more than {format_duration(self.seconds)}"
        return LimitMet(message, hint="Make it cheaper, or allow for more by --query-timeout.", lost=lost)

    def large(self, name: str) -> LimitMet:
        """The error for work that needed too much memory."""
        message = f"{name} took more than {format_size(self.memory)} of memory"
        return LimitMet(message, hint="Make it cheaper, or allow for more by --query-memory.")


def limits_of(time: str, memory: str, *, names: tuple[str, str] = ("--query-timeout", "--query-memory")) -> Limits:
    """Limits from text, such as `60s` and `2GB`; `names` are the options of the two. Raises InvalidInput."""
    try:
        name, text = names[0], time
        seconds = parse_duration(time).total_seconds()
        if not seconds:
            raise ValueError("a query needs more time than 0")
        name, text = names[1], memory
        size = parse_size(memory)
        if size < _LEAST:
            raise ValueError(f"an engine needs at least {format_size(_LEAST)}")
    except ValueError as error:
        raise InvalidInput(f"{name} {text}: {error}") from None
    return Limits(seconds, size)
