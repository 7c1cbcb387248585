"""What happens while Livefire works, as typed events. The terminal and the pytest plugin subscribe to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.model.atomic_result import AtomicResult
from harness.model.manifest import Detonation, LabFacts, SensorRecord
from harness.model.variant import Variant


@dataclass(frozen=True)
class LabStep:
    """A part of the lab (`docker`, `cluster`, `image`, a sensor) is `starting`, `working`, `ready` or `failed`."""

    part: str
    state: str
    detail: str = ""


@dataclass(frozen=True)
class LabStarted:
    """The whole lab is up, after `seconds`."""

    facts: LabFacts
    seconds: float


@dataclass(frozen=True)
class AtomicStarted:
    """An atomic is about to be detonated."""

    atomic: str
    variant: Variant | None = None


@dataclass(frozen=True)
class AtomicDetonated:
    """An atomic ran, or was skipped."""

    detonation: Detonation


@dataclass(frozen=True)
class SensorDrained:
    """A sensor has delivered everything that it saw."""

    sensor: SensorRecord


@dataclass(frozen=True)
class RecordingSealed:
    """The recording is complete."""

    path: str


@dataclass(frozen=True)
class JudgingStarted:
    """A recording is about to be judged: `cases` times `Judged` follows."""

    cases: int


@dataclass(frozen=True)
class Judged:
    """One atomic has its verdict."""

    result: AtomicResult


Event = (
    LabStep | LabStarted | AtomicStarted | AtomicDetonated | SensorDrained | RecordingSealed | JudgingStarted | Judged
)
Subscriber = Callable[[Event], None]


def silent(_: Event) -> None:
    """A subscriber that does nothing."""
