"""Whether a variant did the same as its atomic: a comparison of their effects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

from harness.judge.cases import Case
from harness.judge.effect import SENSORS, Container, Effect, Mount, Request, effect_of
from harness.judge.health.health import Health
from harness.judge.labs import kind_of, on
from harness.judge.other_rows import unclear_of
from harness.judge.vectors import compared, paired
from harness.kql.workspace import Workspace
from harness.model.atomic_result import VariantResult
from harness.telemetry.schema import SENSOR_OF

Equivalence = Literal["identical", "covers", "different", "none", "unknown"]
_ALL = "ALL"  # all capabilities


class Likeness:
    """Compares the variants of one recording with their atomics."""

    def __init__(self, workspace: Workspace, health: Health) -> None:
        self._workspace = workspace
        self._health = health
        self._lab = kind_of(health.manifest.lab)
        self._effects: dict[str, Effect] = {}

    def of(self, case: Case, rows: list[dict[str, Any]]) -> VariantResult | None:
        """How a variant compares with its atomic; None for what is no variant. `rows` are its alerts.

        Raises QueryFailed.
        """
        variant = case.detonation.variant
        if variant is None:
            return None
        unknown = self._unknown(case, variant.of)
        equivalence, differences = unknown or compare(self._effect(variant.of), self._effect(variant.id))
        counts = self._workspace.count(variant.id)
        flags = compared(paired(case.right, rows, counted=False), {})
        return VariantResult(
            of=variant.of,
            family=variant.family,
            name=variant.name,
            held_out=variant.held_out,
            equivalence=equivalence,
            differences=differences,
            seen_by=sorted({SENSOR_OF[table] for table, count in counts.items() if count}),
            flags_right=bool(rows) and all(flag.right for flag in flags.values()),
        )

    def _unknown(self, case: Case, of: str) -> tuple[Equivalence, list[str]] | None:
        """Why a variant can't be compared with its atomic; None where it can."""
        ran = next((d for d in self._health.manifest.detonations if d.atomic == of), None)
        if ran is None or ran.attack is None or ran.skipped:
            return "unknown", [f"{of} was not executed"]
        if ran.attack.given_up:
            return "unknown", [f"{of} was ended early, since {ran.attack.given_up}"]
        for signal in on(self._lab, case.oracle):
            if not self._workspace.query(signal.kql, of):
                return "unknown", [f"the effect of {of} was not observed"]
        for name in SENSORS:
            if self._health.manifest.sensor(name) and not self._health.around(ran, name).ok:
                return "unknown", [f"{name} was not healthy around {of}"]
        unclear = unclear_of(self._workspace, of)
        if effect_of(self._workspace, self._workspace.together([of, *unclear])) != self._effect(of):
            return "unknown", [f"some of the effect of {of} can't be attributed"]
        return None

    def _effect(self, slice_: str) -> Effect:
        if slice_ not in self._effects:
            self._effects[slice_] = effect_of(self._workspace, slice_)
        return self._effects[slice_]


def compare(base: Effect, variant: Effect) -> tuple[Equivalence, list[str]]:
    """Whether `variant` did what `base` did, and the differences: first what is missing, then what it did beyond."""
    if base.empty:
        return "unknown", ["no effect of the atomic itself was recorded"]
    if variant.empty:
        return "none", ["it had no effect"]
    missing, beyond = list[str](), list[str]()
    for container, like in _paired(base.containers, variant.containers):
        if like is None:
            missing.append(f"no container like {' '.join(container.command)}")
            continue
        lost, more = _differences(container, like)
        missing += lost
        beyond += more
    missing += [f"'{absent}' was not executed" for absent in sorted(base.execs - variant.execs)]
    missing += [f"nothing ended with '{end}'" for end in sorted(base.ends - variant.ends)]
    missing += [f"no {r.verb} of {_named(r)} answered {r.code}" for r in sorted(base.requests - variant.requests)]
    beyond += [f"also {r.verb} of {_named(r)}" for r in sorted(variant.requests - base.requests)]
    if len(variant.containers) > len(base.containers):
        beyond.append(f"{len(variant.containers)} containers instead of {len(base.containers)}")
    if missing:
        return "different", missing + beyond
    return "covers" if beyond else "identical", beyond


def _paired(base: Sequence[Container], variants: Sequence[Container]) -> list[tuple[Container, Container | None]]:
    """Each container with the most similar one of the variant. None is used twice."""
    left, pairs = list(variants), list[tuple[Container, Container | None]]()
    for container in sorted(base, key=lambda c: c not in variants):  # exact matches first
        like = min(left, key=lambda candidate: sum(map(len, _differences(container, candidate))), default=None)
        if like:
            left.remove(like)
        pairs.append((container, like))
    return pairs


def _differences(base: Container, variant: Container) -> tuple[list[str], list[str]]:
    """The properties and powers that `variant` lacks, and those that it has beyond `base`."""
    missing = [
        f"{what} {getattr(variant, what)!r} instead of {getattr(base, what)!r}"
        for what in ("image", "command", "user")
        if getattr(base, what) != getattr(variant, what)
    ]
    beyond = ["privileged"] if variant.privileged and not base.privileged else []
    missing += ["not privileged"] if base.privileged and not variant.privileged else []
    for what in ("capabilities", "modes", "security", "devices", "groups", "settings"):
        have, want = getattr(variant, what), getattr(base, what)
        beyond += [f"also {what} {item}" for item in sorted(have - want)]
        if _ALL not in have or what != "capabilities":
            missing += [f"without {what} {item}" for item in sorted(want - have)]
    missing += [
        f"dropped {capability}" for capability in sorted(variant.dropped - base.dropped) if _ALL not in base.dropped
    ]
    beyond += [f"{capability} is not dropped" for capability in sorted(base.dropped - variant.dropped)]
    missing += ["its root is read-only"] if variant.read_only and not base.read_only else []
    beyond += ["its root can be written"] if base.read_only and not variant.read_only else []
    for mount in sorted(base.mounts - variant.mounts):
        like = [candidate for candidate in sorted(variant.mounts) if _reaches(candidate, mount)]
        beyond += [f"mount {candidate.source}:{candidate.target}" for candidate in like[:1]]
        missing += [] if like else [f"no mount of {mount.source}"]
    return missing, beyond


def _reaches(mount: Mount, needed: Mount) -> bool:
    """Whether `mount` gives all that `needed` gives."""
    inside = PurePosixPath(needed.source).is_relative_to(mount.source)
    return inside and (mount.writable or not needed.writable)


def _named(request: Request) -> str:
    where = f" in {request.namespace}" if request.namespace else ""
    return f"{request.resource}{'/' if request.name else ''}{request.name}{where}"
