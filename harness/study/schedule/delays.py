"""Ingestion delays: how long after an event was generated a query can see it, and how a command line writes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from harness.errors import InvalidInput, Position
from harness.files.yaml_reading import read_text
from harness.model.duration import parse_duration

# «Log data ingestion time in Azure Monitor» (learn.microsoft.com/azure/azure-monitor/logs/data-ingestion-time): the
# average latency to ingest log data is between 20 seconds and 3 minutes.
DEFAULT = "uniform:20s..3m"
FORMS = "measured, fixed:5m, uniform:1m..10m, exponential:mean=3m, lognormal:p50=2m,p95=15m, file:delays.csv"
_Z95 = 1.6448536269514722  # the 95th percentile of the standard normal distribution


@dataclass(frozen=True)
class Delay:
    """A distribution of delays. `text` is as on the command line; `draw` returns one delay, in seconds.

    Without `draw` each event has the delay measured in its recording.
    """

    text: str
    draw: Callable[[Random], float] | None


@dataclass(frozen=True)
class Late:
    """A share of the events, from 0 to 1, that arrives `seconds` later."""

    share: float = 0.0
    seconds: float = 0.0


def parse_delay(text: str) -> Delay:
    """A distribution from a word such as `uniform:1m..10m`. Raises InvalidInput for anything else."""
    if text == "measured":
        return Delay(text, None)
    kind, _, parameters = text.partition(":")
    try:
        if kind == "file":
            return Delay(text, _empirical(Path(parameters)))
        if kind in _PARSERS:
            return Delay(text, _PARSERS[kind](parameters))
    except ValueError as error:
        raise InvalidInput(f"--delay {text}: {error}", hint=f"Known: {FORMS}.") from None
    raise InvalidInput(f"--delay {text}: unknown", hint=f"Known: {FORMS}.")


def parse_late(text: str) -> Late:
    """A share and a delay, `1%:6h` or `0.01:6h`. Raises InvalidInput."""
    share, colon, extra = text.partition(":")
    try:
        if not colon:
            raise ValueError("write a share and a delay, such as 1%:6h")
        return Late(parse_share(share), parse_duration(extra).total_seconds())
    except ValueError as error:
        raise InvalidInput(f"--late {text}: {error}") from None


def parse_share(text: str) -> float:
    """A share from 0 to 1, `5%` or `0.05`. Raises ValueError with a message for the user."""
    number, percent = text.removesuffix("%"), text.endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ValueError(f"'{text}' is no share: write 5% or 0.05")
    return share


def _fixed(text: str) -> Callable[[Random], float]:
    seconds = parse_duration(text).total_seconds()
    return lambda _: seconds


def _uniform(text: str) -> Callable[[Random], float]:
    first, dots, last = text.partition("..")
    if not dots:
        raise ValueError("write the least and the most, such as 1m..10m")
    low, high = parse_duration(first).total_seconds(), parse_duration(last).total_seconds()
    if low > high:
        raise ValueError(f"{first} is more than {last}")
    return lambda random: random.uniform(low, high)


def _exponential(text: str) -> Callable[[Random], float]:
    mean = _named(text, ["mean"])[0]
    return lambda random: random.expovariate(1 / mean)


def _lognormal(text: str) -> Callable[[Random], float]:
    p50, p95 = _named(text, ["p50", "p95"])
    if p95 <= p50:
        raise ValueError("p95 must be more than p50")
    mu, sigma = math.log(p50), math.log(p95 / p50) / _Z95
    return lambda random: random.lognormvariate(mu, sigma)


def _named(text: str, names: list[str]) -> list[float]:
    """The values of `name=DURATION,…` in seconds, each positive, in the order of `names`. Raises ValueError."""
    given = dict(pair.partition("=")[::2] for pair in text.split(","))
    if list(given) != names or len(text.split(",")) != len(names):
        raise ValueError(f"write {','.join(f'{name}=DURATION' for name in names)}")
    values = [parse_duration(given[name]).total_seconds() for name in names]
    if min(values) <= 0:
        raise ValueError("a delay of 0 has no distribution: write fixed:0s")
    return values


_PARSERS: dict[str, Callable[[str], Callable[[Random], float]]] = {
    "fixed": _fixed,
    "uniform": _uniform,
    "exponential": _exponential,
    "lognormal": _lognormal,
}


def _empirical(path: Path) -> Callable[[Random], float]:
    """Delays from a file, one per line, in seconds; a first line without a number is a heading."""
    lines = read_text(path).removeprefix("\ufeff").splitlines()
    values = []
    for number, line in enumerate(lines, 1):
        value = _seconds(line)
        if value is None and line.strip() and number > 1:
            raise InvalidInput(f"'{line.strip()[:40]}' is no delay in seconds", at=Position(path, number, 1))
        if value is not None:
            values.append(value)
    if not values:
        raise InvalidInput("it holds no delays: write one per line, in seconds", at=Position(path))
    return lambda random: random.choice(values)


def _seconds(line: str) -> float | None:
    try:
        value = float(line)
    except ValueError:
        return None
    return value if 0 <= value < math.inf else None
