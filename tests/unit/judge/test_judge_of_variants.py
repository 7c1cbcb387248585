"""How the judge compares a variant with its atomic, and what follows for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.kql.engine import Row
from harness.model.atomic_result import AtomicResult, VariantResult
from harness.model.expectation import Expectation
from harness.model.variant import Variant
from harness.model.verdict import Verdict
from harness.telemetry.schema import ambiguous
from tests.unit.judge.world import (
    BARE,
    LISTED,
    QUERY,
    RUN,
    STARTED,
    World,
    attack,
    detonated,
    event,
    expecting,
    process,
    request,
)

NARROW = QUERY.replace('has "run"', 'has "run --pid"')
VARIANT = Variant(of="T1/a", family="f", name="n")


def made(**host: Any) -> tuple[str, Row]:
    body = {"Config": {"Image": "x", "Cmd": ["id"]}, "HostConfig": host}
    return event("create", Source="inspect", Body=body)


def of_variant(query: str = QUERY, **entry: Any) -> Expectation:
    owed = {"atomic": VARIANT.id, "oracle": [], "signals": []}
    return replace(expecting(query, **owed | entry), variant=VARIANT)


Varied = Callable[..., AtomicResult]


@pytest.fixture
def varied(tmp_path: Path) -> Varied:
    """Judges a variant whose atomic made a container, ran a command and is in the recording."""

    def judged(expectation: Expectation, *rows: tuple[str, Row]) -> AtomicResult:
        one = detonated(attack=attack(command="docker pull --quiet x"))
        other = detonated(VARIANT.id, variant=VARIANT)
        world = World(tmp_path)
        world.also(other, one, detonated("T1/b"))
        return world.judge(expectation, {"T1/a": [made()], VARIANT.id: list(rows)}, other)

    return judged


def test_a_variant_is_compared_with_its_atomic(varied: Varied) -> None:
    found = varied(of_variant(), made(Privileged=True), process(RUN))
    assert found.variant == VariantResult(
        of="T1/a",
        family="f",
        name="n",
        held_out=VARIANT.held_out,
        equivalence="covers",
        differences=["privileged"],
        seen_by=["auditd", "docker_daemon"],
        flags_right=True,
    )
    assert (found.verdict, found.atomic, found.executed.effect) == (Verdict.PROVEN, VARIANT.id, True)


@pytest.mark.parametrize(
    ("rows", "equivalence", "effect", "seen_by", "verdict"),
    [
        ([made()], "identical", True, ["docker_daemon"], Verdict.RULE_SILENT),
        ([event("create", Source="inspect", Body={})], "different", True, ["docker_daemon"], Verdict.NOT_EXECUTED),
        ([process(RUN)], "none", False, ["auditd"], Verdict.NOT_EXECUTED),
    ],
)
def test_the_effect_of_a_variant(
    varied: Varied,
    rows: list[tuple[str, Row]],
    equivalence: str,
    effect: bool,
    seen_by: list[str],
    verdict: Verdict,
) -> None:
    found = varied(of_variant(), *rows)
    assert found.variant is not None
    assert (found.variant.equivalence, found.variant.seen_by) == (equivalence, seen_by)
    assert (found.executed.effect, found.verdict) == (effect, verdict)


def test_the_flags_of_a_variant_are_right_where_they_are_the_atomic_s(varied: Varied) -> None:
    """Whatever is known of a gap, and on each of its rows."""
    gap = of_variant(flags={"Root": False}, known_gap="another word")
    for rows, right in (
        ([RUN], True),
        (["docker run x"], False),
        ([RUN, "docker run x"], False),
        ([RUN, f"{RUN} y"], True),
    ):
        found = varied(gap, made(), *(process(line, f"raw/auditd.log:{n}") for n, line in enumerate(rows)))
        assert found.variant is not None
        assert found.variant.flags_right is right, rows
    silent = varied(gap, made()).variant
    assert silent is not None
    assert not silent.flags_right


def test_a_variant_rests_on_each_sensor_of_the_lab(varied: Varied) -> None:
    names = [each.sensor for each in varied(of_variant(), made(), process(RUN)).health]
    assert names == ["auditd", "kube_audit", "docker_daemon"]


def test_the_near_miss_of_a_variant_is_most_like_the_command_of_its_atomic(varied: Varied) -> None:
    lines = ["docker run y", "docker pull y", "docker pull --quiet z"]
    rows = [process(line, f"raw/auditd.log:{n}") for n, line in enumerate(lines)]
    found = varied(of_variant(NARROW), made(), *rows)
    assert found.near_miss is not None
    assert found.near_miss.values == {"ProcessCommandLine": "docker pull --quiet z"}


def test_a_variant_that_is_known_to_be_missed_has_no_near_miss(varied: Varied) -> None:
    found = varied(of_variant(NARROW, fires=False, flags={}, known_gap="x"), made(), process(RUN))
    assert (found.verdict, found.near_miss) == (Verdict.KNOWN_GAP, None)


def test_a_variant_that_was_skipped_is_compared_with_nothing(tmp_path: Path) -> None:
    found = World(tmp_path).judge(
        of_variant(), {}, detonated(VARIANT.id, variant=VARIANT, skipped="no curl", attack=None)
    )
    assert (found.verdict, found.variant) == (Verdict.SKIPPED, VariantResult.of_skipped(VARIANT))


@pytest.mark.parametrize(
    ("atomic", "reason"),
    [
        (None, "T1/a was not executed"),
        ({"attack": None}, "T1/a was not executed"),
        ({"attack": attack(given_up="it is dead")}, "T1/a was ended early, since it is dead"),
        ({"attack": None, "skipped": "no docker"}, "T1/a was not executed"),
        ({"skipped": "no docker"}, "T1/a was not executed"),
    ],
)
def test_where_the_atomic_was_not_run_its_traces_prove_nothing(
    tmp_path: Path, atomic: dict[str, Any] | None, reason: str
) -> None:
    world, other = World(tmp_path), detonated(VARIANT.id, variant=VARIANT)
    world.also(other, *([] if atomic is None else [detonated("T1/a", **atomic)]))
    found = world.judge(of_variant(), {"T1/a": [made()], VARIANT.id: [made(), process(RUN)]}, other)
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, f"{reason}: there is nothing to compare with")
    assert found.variant is not None
    assert (found.variant.equivalence, found.executed.effect) == ("unknown", True)


@pytest.mark.parametrize(
    ("action", "well", "reason"),
    [
        ("start", True, ""),
        ("die", True, "the effect of T1/a was not observed"),
        ("start", False, "docker_daemon was not healthy around T1/a"),
    ],
)
def test_an_atomic_of_which_the_effect_was_not_seen_is_nothing_to_compare_with(
    tmp_path: Path, action: str, well: bool, reason: str
) -> None:
    world = World(tmp_path)
    one, other = detonated(), detonated(VARIANT.id, variant=VARIANT)
    world.also(other, one)
    if not well:
        world.unknown_container("T1/a")
    slices = {"T1/a": [made(), event(action)], VARIANT.id: [made(), event("start"), process(RUN)]}
    found = world.judge(of_variant(), slices, other, oracle=[STARTED, LISTED])  # the second is for another kind of lab
    expected = (Verdict.INCONCLUSIVE, f"{reason}: there is nothing to compare with") if reason else (Verdict.PROVEN, "")
    assert (found.verdict, found.reason if reason else "") == expected


@pytest.mark.parametrize(
    ("rows", "verdict"), [([request("get")], Verdict.PROVEN), ([request("list")], Verdict.INCONCLUSIVE)]
)
def test_the_effect_of_an_atomic_is_what_can_be_asked_on_this_kind_of_lab(
    tmp_path: Path, rows: list[tuple[str, Row]], verdict: Verdict
) -> None:
    world, other = World(tmp_path), detonated(VARIANT.id, variant=VARIANT)
    world.also(other, detonated())
    own = [made(), event("start")]
    slices = {"T1/a": [*own, *rows], VARIANT.id: [*own, process(RUN), *rows]}
    assert world.judge(of_variant(), slices, other, oracle=[STARTED, LISTED, BARE]).verdict is verdict


@pytest.mark.parametrize(
    ("unclear", "verdict"),
    [
        (made(Privileged=True), Verdict.INCONCLUSIVE),
        (event("exec_create: id"), Verdict.INCONCLUSIVE),
        (process("docker ps"), Verdict.PROVEN),
    ],
)
def test_where_it_is_not_told_whether_the_atomic_did_more_there_is_nothing_to_compare_with(
    tmp_path: Path, unclear: tuple[str, Row], verdict: Verdict
) -> None:
    world, one, other = World(tmp_path), detonated(), detonated(VARIANT.id, variant=VARIANT)
    world.also(other, one)
    own = [made(), event("start")]
    slices = {"T1/a": own, VARIANT.id: [*own, process(RUN)], ambiguous("T1/a", "T1/b"): [unclear]}
    found = world.judge(of_variant(), slices, other, oracle=[STARTED])
    assert found.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert found.reason.startswith("some of the effect of T1/a can't be attributed")
