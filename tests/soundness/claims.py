"""The table: one row for each claim that a verdict makes, with the sabotages that would make it false.

To add one: a `Claim` with a function that makes its sabotages (`made.one` for the recording of three atomics), or
with the names of the tests that show it where only a daemon can.
"""

from __future__ import annotations

from tests.conftest import MAIN_JOB
from tests.soundness import gaps, made, records, sensors
from tests.soundness.cited import cited
from tests.soundness.sabotage import CLI, HARDENED, Claim, Sabotage

_LAB = "tests/lab/test_sabotage.py::"


def _cited() -> list[Sabotage]:
    """The two rules take turns: what differs between them is which record the alert cites."""
    found = {rule: [each for atomic in MAIN_JOB for each in cited(rule, atomic)] for rule in (CLI, HARDENED)}
    both = zip(found[CLI], found[HARDENED], strict=True)
    return [pair[place % 2] for place, pair in enumerate(both)]


CLAIMS = (
    Claim(
        "the attack happened, its effect was seen, and each signal was there",
        _cited,
        (
            f"{_LAB}test_docker_replaced_by_a_script_that_prints_and_exits_0",
            f"{_LAB}test_the_api_server_answers_403",
        ),
    ),
    Claim("it was run, by this atomic, and at this time", made.detonations),
    Claim(
        "it was the atomic's doing, and nobody else's alert is credited",
        made.strangers,
        (
            f"{_LAB}test_a_decoy_is_no_credit_for_an_attack_that_did_not_happen",
            f"{_LAB}test_a_decoy_beside_the_attack_is_an_alert_in_the_background",
        ),
    ),
    Claim("each sensor's canaries came through before the attack and after it", sensors.marks),
    Claim(
        "each sensor was well, and its logs are whole",
        sensors.checks,
        (
            f"{_LAB}test_auditd_stopped",
            f"{_LAB}test_two_nights_of_which_the_second_lost_a_sensor",
        ),
    ),
    Claim("each log was whole that tells whose a row is", sensors.attributed),
    Claim("what the Docker daemon logged was asked for, and what was asked for was logged", records.records),
    Claim(
        "the kernel's audit was not touched; what was done to it costs no other atomic",
        sensors.audit_changes,
        (
            f"{_LAB}test_the_audit_rule_removed_in_mid_run",
            f"{_LAB}test_the_audit_rule_removed_and_put_back_around_the_attack",
        ),
    ),
    Claim(
        "the rule fired on the atomic's own row, as often as it should; a gap is open; what is benign is silent",
        made.rules,
    ),
    Claim("each flag is right", made.flags),
    Claim("each word sets its flag alone", made.grounds),
    Claim("a gap is known: it was done, it was seen, and the rule is as wrong as it was said to be", gaps.known),
    Claim("a benign run was done, and the rule was silent", gaps.benign),
    Claim("a variant does what its atomic does, and the rule sees it", gaps.variants),
    Claim("a command in a container was executed by who asked for it", gaps.executions),
    Claim("a rule is proven by an attack and a benign run", gaps.proofs),
    Claim("there was evidence to judge by", made.evidence),
    Claim("the rule read the tables alone", made.catalogue),
    Claim("the recording is what was captured", made.files),
)
