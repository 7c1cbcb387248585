"""From what is known to a verdict: each verdict with its exact reason, and which comes first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.decision import decide, decide_rule
from harness.judge.facts import Answer, Facts
from harness.judge.vectors import flags_of
from harness.model.atomic_result import VariantResult
from harness.model.expectation import Expectation
from harness.model.observed import Executed, SensorHealth, SignalResult
from harness.model.variant import Variant
from harness.model.verdict import Verdict
from tests.conftest import EXPECTATIONS

ENTRY = load_expectations(EXPECTATIONS)[0]
RIGHT: dict[str, Any] = {"A": True, "B": False}
RAN = Executed(ran=True, effect=True)


def expecting(**update: Any) -> Expectation:
    """An expectation of one row with the flags A and not B, changed."""
    plain = {"fires": True, "flags": {"A": True, "B": False}, "rows": None, "evade": False, "evasions": []}
    return replace(ENTRY, entry=ENTRY.entry.model_copy(update=plain | update))


SILENT: dict[str, Any] = {"fires": False, "flags": {}}
NOISY = SILENT | {"benign": "work", "false_alarms": 2, "known_gap": "noisy"}


def seen(name: str, *sensors: str, there: bool = True) -> SignalResult:
    return SignalResult(name=name, sensor=sensors[0], sensors=list(sensors), seen=there)


def ill(sensor: str) -> SensorHealth:
    return SensorHealth(sensor=sensor, ok=False, problems=[f"{sensor} was deaf", "and blind"])


def variant(equivalence: Any) -> VariantResult:
    return VariantResult(
        of="T1/a", family="f", name="n", held_out=False, equivalence=equivalence, differences=["no container", "no end"]
    )


def facts(**update: Any) -> Facts:
    """Those of a PROVEN, changed."""
    oracle = [seen("it was created", "docker_daemon"), seen("it ended", "docker_daemon")]
    executed = update.pop("executed", RAN).model_copy(update={"oracle": update.pop("oracle", oracle)})
    said: dict[str, Any] = {name: update.pop(name) for name in ("rows", "companions", "grounds") if name in update}
    good = Facts(
        executed=executed,
        answer=replace(Answer([dict(RIGHT)]), **said),
        health=[SensorHealth(sensor="auditd", ok=True), SensorHealth(sensor="docker_daemon", ok=True)],
        signals=[seen("an exec", "auditd")],
    )
    return replace(good, **update)


CREATED, ENDED = seen("it was created", "docker_daemon"), seen("it ended", "docker_daemon", there=False)
UNSEEN = [seen("an exec", "auditd", "kube_audit", there=False)]
LATE = RAN.model_copy(update={"timed_out": True})
CUT = RAN.model_copy(update={"given_up": "the Docker daemon does not answer"})
WAS_CUT = "the attack was ended early, since the Docker daemon does not answer"
PROVEN = "executed, seen, fired, and exactly these flags"


@pytest.mark.parametrize(
    ("given", "verdict", "reason"),
    [
        ({}, Verdict.PROVEN, PROVEN),
        ({"executed": LATE}, Verdict.PROVEN, f"{PROVEN}; the attack ran into its time limit"),
        ({"executed": CUT}, Verdict.INCONCLUSIVE, WAS_CUT),
        ({"executed": CUT, "oracle": [CREATED, ENDED]}, Verdict.INCONCLUSIVE, WAS_CUT),
        ({"executed": CUT, "rows": []}, Verdict.INCONCLUSIVE, WAS_CUT),
        ({"executed": CUT, "variant": variant("identical")}, Verdict.INCONCLUSIVE, WAS_CUT),
        ({"oracle": [CREATED, ENDED]}, Verdict.NOT_EXECUTED, "the effect was not observed: it ended"),
        (
            {"oracle": [CREATED, ENDED], "executed": LATE},
            Verdict.NOT_EXECUTED,
            "the effect was not observed: it ended; the attack ran into its time limit",
        ),
        # the silence of a sensor that is not well says nothing; that of one that is well does
        (
            {"oracle": [CREATED, ENDED], "health": [ill("docker_daemon")]},
            Verdict.INCONCLUSIVE,
            "docker_daemon was deaf",
        ),
        (
            {"oracle": [CREATED, ENDED], "health": [ill("auditd")]},
            Verdict.NOT_EXECUTED,
            "the effect was not observed: it ended",
        ),
        ({"health": [ill("auditd"), ill("docker_daemon")]}, Verdict.INCONCLUSIVE, "auditd was deaf"),
        ({"health": [ill("auditd")], "signals": UNSEEN, "rows": []}, Verdict.INCONCLUSIVE, "auditd was deaf"),
        ({"lacking": "no lab", "health": [ill("auditd")]}, Verdict.INCONCLUSIVE, "no lab"),
        ({"lacking": "no lab", "oracle": [ENDED]}, Verdict.NOT_EXECUTED, "the effect was not observed: it ended"),
        ({"signals": UNSEEN, "rows": []}, Verdict.NO_TELEMETRY, "auditd, kube_audit did not show: an exec"),
        ({"rows": []}, Verdict.RULE_SILENT, "the rule gave no row"),
        (
            {"rows": [], "companions": 1},
            Verdict.RULE_SILENT,
            "the rule fired on companions alone: 1 row, and none is the atomic's own",
        ),
        (
            {"rows": [], "companions": 2},
            Verdict.RULE_SILENT,
            "the rule fired on companions alone: 2 rows, and none is the atomic's own",
        ),
        ({"rows": [{"A": True, "B": True}]}, Verdict.WRONG_FLAGS, "B is true, expected false"),
        ({"rows": [{"A": False, "B": False}]}, Verdict.WRONG_FLAGS, "A is false, expected true"),
        ({"rows": [{"A": True}]}, Verdict.WRONG_FLAGS, "B has no value, expected false"),
        ({"rows": [RIGHT, RIGHT]}, Verdict.WRONG_FLAGS, "2 rows, expected 1"),
        ({"grounds": {"A": {"x": True, "y": False}}}, Verdict.WRONG_FLAGS, "A is true, but not by 'y' alone"),
        ({"grounds": {"A": {"x": True, "y": True}}}, Verdict.PROVEN, PROVEN),
        ({"variant": variant("identical")}, Verdict.PROVEN, PROVEN),
        ({"variant": variant("covers")}, Verdict.PROVEN, PROVEN),
        ({"variant": variant("none")}, Verdict.NOT_EXECUTED, "it does not do the same: no container"),
        ({"variant": variant("different")}, Verdict.NOT_EXECUTED, "it does not do the same: no container"),
        ({"variant": variant("none"), "health": [ill("auditd")]}, Verdict.INCONCLUSIVE, "auditd was deaf"),
        (
            {"variant": variant("different"), "health": [ill("auditd")]},
            Verdict.NOT_EXECUTED,
            "it does not do the same: no container",
        ),
        (
            {"variant": variant("unknown")},
            Verdict.INCONCLUSIVE,
            "no container: there is nothing to compare with",
        ),
    ],
)
def test_what_is_known_of_an_attack(given: dict[str, Any], verdict: Verdict, reason: str) -> None:
    assert decide(expecting(), facts(**given)) == (verdict, reason)


@pytest.mark.parametrize(
    ("expected", "rows", "verdict", "reason"),
    [
        (SILENT, 0, Verdict.PROVEN, "executed, seen, and rightly silent"),
        (SILENT, 1, Verdict.UNEXPECTED_ALERT, "the rule fires on 1 row, and must not"),
        (SILENT, 2, Verdict.UNEXPECTED_ALERT, "the rule fires on 2 rows, and must not"),
        (SILENT | {"known_gap": "blind"}, 0, Verdict.KNOWN_GAP, "blind"),
        (
            SILENT | {"known_gap": "blind"},
            1,
            Verdict.UNEXPECTED_ALERT,
            "the known gap has closed: the rule fires; drop known_gap",
        ),
        (NOISY, 2, Verdict.KNOWN_GAP, "noisy"),
        (NOISY, 1, Verdict.UNEXPECTED_ALERT, "the known gap has changed: 1 row, expected 2: noisy"),
        (NOISY, 3, Verdict.UNEXPECTED_ALERT, "the known gap has changed: 3 rows, expected 2: noisy"),
        (
            NOISY,
            0,
            Verdict.UNEXPECTED_ALERT,
            "the known gap has closed: the rule is silent; drop false_alarms and known_gap",
        ),
        ({"known_gap": "it says B"}, 1, Verdict.KNOWN_GAP, "it says B"),
        ({"rows": 2}, 1, Verdict.WRONG_FLAGS, "1 row, expected 2"),
        ({"rows": 2}, 2, Verdict.PROVEN, PROVEN),
        ({"rows": 2}, 3, Verdict.WRONG_FLAGS, "3 rows, expected 2"),
    ],
)
def test_what_is_expected_of_the_rule(expected: dict[str, Any], rows: int, verdict: Verdict, reason: str) -> None:
    given = facts(rows=[dict(RIGHT) for _ in range(rows)])
    assert decide(expecting(**expected), given) == (verdict, reason)


def test_of_several_rows_the_one_that_disagrees_is_told_of() -> None:
    given = facts(rows=[RIGHT, {"A": True, "B": True}])
    assert decide(expecting(rows=2), given) == (
        Verdict.WRONG_FLAGS,
        "B is true in at least one of 2 rows, expected false",
    )


def test_where_the_rule_is_silent_the_flags_are_those_expected_and_no_others() -> None:
    flags = flags_of(expecting(), [])
    assert {name: (flag.expected, flag.actual) for name, flag in flags.items()} == {
        "A": (True, None),
        "B": (False, None),
    }
    assert flags_of(expecting(**SILENT), []) == {}


def test_where_rows_are_counted_a_row_too_many_is_told_as_that() -> None:
    other = {"A": False, "B": False}
    assert decide(expecting(), facts(rows=[RIGHT, other])) == (Verdict.WRONG_FLAGS, "2 rows, expected 1")
    of = replace(expecting(), variant=Variant(of="T1/a", family="f", name="n"))
    assert decide(of, facts(rows=[RIGHT, RIGHT])) == (Verdict.PROVEN, PROVEN)
    said = "A is false in at least one of 2 rows, expected true"
    assert decide(of, facts(rows=[RIGHT, other])) == (Verdict.WRONG_FLAGS, said)


@pytest.mark.parametrize(
    ("right", "row", "verdict", "reason"),
    [
        (False, RIGHT, Verdict.KNOWN_GAP, "it says B"),
        (
            True,
            {"A": True, "B": True},
            Verdict.UNEXPECTED_ALERT,
            "the known gap has closed: the flags are right; take the variant out of evasions",
        ),
        (False, {"A": True, "B": True}, Verdict.WRONG_FLAGS, "B is true, expected false"),
    ],
)
def test_a_variant_whose_wrong_flags_are_known(right: bool, row: dict[str, Any], verdict: Verdict, reason: str) -> None:
    of = replace(expecting(known_gap="it says B"), variant=Variant(of="T1/a", family="f", name="n"))
    compared = variant("identical").model_copy(update={"flags_right": right})
    assert decide(of, facts(rows=[row], variant=compared)) == (verdict, reason)


def test_of_the_rule_alone_it_is_taken_that_the_attack_ran_and_was_seen() -> None:
    assert decide_rule(expecting(), Answer([dict(RIGHT)])) == (Verdict.PROVEN, PROVEN)
    assert decide_rule(expecting(), Answer()) == (Verdict.RULE_SILENT, "the rule gave no row")
