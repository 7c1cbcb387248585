"""What changed between two results: for better or for worse, and by what cause."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from harness.files.expectation_file import load_expectations
from harness.files.rule_file import load_rule
from harness.judge.prove import prove
from harness.model.atomic_result import Alert, AtomicResult, Inputs, VariantResult
from harness.model.comparison import Cause, Difference
from harness.model.observed import SensorHealth
from harness.model.result import EngineFacts, Result
from harness.model.rule_figures import BenignRuns, Recall, RuleFacts, RuleProof
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.study.nights.comparing import compare_results
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB

RULE = "container-cli-api"
ATOMIC = MAIN_JOB[0]
UNWELL = [SensorHealth(sensor="auditd", ok=False, problems=["auditd: the kernel lost 3 records"])]


@pytest.fixture(scope="module")
def result() -> Result:
    """The committed recording's, as if it were of last night: with a run id of its own."""
    return prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS)).model_copy(update={"run_id": "old"})


def tonight(result: Result, atomic: str = ATOMIC, run: dict[str, Any] | None = None, **changes: Any) -> Result:
    """The result of another run, in which these things of one atomic, and of the run, are different."""
    results = [each.model_copy(update=changes) if each.atomic == atomic else each for each in result.results]
    return result.model_copy(update={"run_id": "new", "results": results} | (run or {}))


def only(old: Result, new: Result) -> Difference:
    found = compare_results([old], [new]).differences
    assert len(found) == 1
    return found[0]


def test_a_result_is_no_different_from_itself_or_from_the_same_of_another_run(result: Result) -> None:
    for other in (result, tonight(result)):
        compared = compare_results([result], [other])
        assert compared.differences == ()
        assert compared.inputs == {}
        assert not compared.worse


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("PROVEN", "RULE_SILENT", "regression"),
        ("KNOWN_GAP", "UNEXPECTED_ALERT", "regression"),
        ("PROVEN", "INCONCLUSIVE", "regression"),
        ("PROVEN", "SKIPPED", "regression"),
        ("RULE_SILENT", "SKIPPED", "regression"),
        ("RULE_SILENT", "PROVEN", "improvement"),
        ("SKIPPED", "KNOWN_GAP", "improvement"),
        ("PROVEN", "KNOWN_GAP", "change"),
        ("INCONCLUSIVE", "WRONG_FLAGS", "change"),
        ("SKIPPED", "RULE_SILENT", "change"),
    ],
)
def test_for_better_or_for_worse(result: Result, before: str, after: str, kind: str) -> None:
    old = tonight(result, verdict=Verdict(before))
    new = tonight(result, verdict=Verdict(after), reason="because")
    found = compare_results([old], [new])
    assert [(d.kind, d.atomic, d.rule, d.before, d.after, d.reason) for d in found.differences] == [
        (kind, ATOMIC, RULE, before, after, "because")
    ]
    assert found.worse is (kind == "regression")


def of(result: Result, atomic: str = ATOMIC) -> AtomicResult:
    return next(each for each in result.results if each.atomic == atomic)


def facts(result: Result) -> dict[Cause, tuple[dict[str, Any], dict[str, Any], str]]:
    """For each cause, what differs in the atomic and in the run, and a word of the detail."""
    inputs, executed = of(result).inputs, of(result).executed
    lab = result.lab.model_copy(update={"runtime_shim": False})
    return {
        Cause.EXPECTATION: ({"inputs": inputs.model_copy(update={"expectation": "0" * 64})}, {}, of(result).at),
        Cause.RULE: ({"inputs": inputs.model_copy(update={"rule": "0" * 64})}, {}, "000000000000"),
        Cause.ATOMIC: (
            {"executed": executed.model_copy(update={"command": "docker run x"})},
            {},
            f"command of {ATOMIC}",
        ),
        Cause.VERSION: ({}, {"versions": result.versions | {"runc": "9.9"}}, "runc 1.1.5+ds1 -> 9.9"),
        Cause.LAB: ({}, {"lab": lab}, "runtime shim true -> false"),
        Cause.HEALTH: ({"health": UNWELL}, {}, "the kernel lost 3 records"),
    }


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause not in (Cause.FLAKE, Cause.NEW, Cause.GONE)])
def test_each_cause_is_told_from_its_facts_and_the_first_one_stands(result: Result, cause: Cause) -> None:
    known = facts(result)
    atomic, run, word = known[cause]
    found = only(result, tonight(result, run=run, verdict=Verdict.RULE_SILENT, **atomic))
    assert found.cause is cause
    assert word in found.detail
    order = list(known)
    for later in order[order.index(cause) + 1 :]:
        more, more_of_run, _ = known[later]
        if "inputs" not in atomic.keys() & more.keys():
            both = tonight(result, run=run | more_of_run, verdict=Verdict.RULE_SILENT, **atomic | more)
            assert (only(result, both).cause, later in only(result, both).detail) == (cause, True)


def other_rule(result: Result, query: str, version: str = "1.0.0") -> Result:
    """The same, by a rule with another query."""
    digest = hashlib.sha256(query.encode()).hexdigest()
    results = [
        each.model_copy(update={"inputs": each.inputs.model_copy(update={"rule": digest})}) for each in result.results
    ]
    rules = {digest: RuleFacts(rule=RULE, version=version, query=query)}
    return result.model_copy(update={"run_id": "new", "results": results, "rules": rules})


def test_a_result_holds_the_text_of_each_rule_once(result: Result) -> None:
    rule = load_rule(EXPECTATIONS.with_name(f"{RULE}.yaml"))
    assert result.rules == {rule.digest: RuleFacts(rule=RULE, version="1.0.0", query=rule.query)}
    assert {each.inputs.rule for each in result.results} == set(result.rules)


def test_the_lines_of_a_rule_that_changed_are_told(result: Result) -> None:
    query = next(iter(result.rules.values())).query
    new = other_rule(result, query.replace('"docker exec", "docker run",', '"docker exec",'), "1.1.0")
    [change] = compare_results([result], [new]).rules
    assert (change.rule, change.versions, change.untold) == (RULE, ("1.0.0", "1.1.0"), "")
    assert [line for line in change.lines if line[0] in "+-"] == ['-"docker exec", "docker run",', '+"docker exec",']
    assert [line for line in change.lines if line.startswith("@@")] == ["@@ -1,4 +1,4 @@"]
    assert compare_results([result], [tonight(result)]).rules == ()


def test_a_text_that_an_older_result_does_not_hold_is_said(result: Result) -> None:
    older = result.model_copy(update={"rules": {}})
    new = other_rule(result, "T")
    for old, later, untold in ((older, new, "old"), (new, older, "new")):
        [change] = compare_results([old], [later]).rules
        assert (change.lines, change.untold) == ((), untold)


def test_a_rule_that_one_side_did_not_judge_is_told_once(result: Result) -> None:
    other = [each.model_copy(update={"rule": "another"}) for each in result.results]
    more = tonight(result, run={"results": [*result.results, *other]})
    for old, new, side in ((more, result, "new"), (result, more, "old")):
        compared = compare_results([old], [new])
        assert (compared.differences, compared.unjudged) == ((), {"another": side})


def test_without_any_of_them_it_is_a_flake_unless_the_recording_is_the_same(result: Result) -> None:
    found = only(result, tonight(result, verdict=Verdict.RULE_SILENT))
    assert (found.cause, found.detail) == (Cause.FLAKE, "nothing that is known has changed")
    found = only(result, tonight(result, run={"run_id": "old"}, verdict=Verdict.RULE_SILENT))
    assert (found.cause, "Livefire itself" in found.detail) == (Cause.VERSION, True)


def test_the_engine_is_a_tool_and_a_sensor_that_is_well_again_is_a_cause(result: Result) -> None:
    engine = EngineFacts(name="duckdb", versions={"duckdb": "2.0.0", "duckdb-kql": "9"})
    found = only(result, tonight(result, run={"engine": engine}, verdict=Verdict.RULE_SILENT))
    assert (found.cause, found.detail) == (Cause.VERSION, "duckdb-kql 1.1.2 -> 9")
    found = only(tonight(result, verdict=Verdict.INCONCLUSIVE, health=UNWELL), tonight(result))
    assert (found.cause, found.kind) == (Cause.HEALTH, "improvement")
    assert found.detail == "no longer: auditd: the kernel lost 3 records"


def test_names_and_ports_that_each_lab_chooses_are_no_change_of_the_atomic(result: Result) -> None:
    def night(name: str, port: int, verdict: Verdict) -> Result:
        assert result.lab.docker
        lab = result.lab.model_copy(update={"docker": result.lab.docker.model_copy(update={"name": name})})
        command = f"docker -H /run/{name}/docker.sock pull 127.0.0.1:{port}/livefire/busybox:local"
        executed = of(result).executed.model_copy(update={"command": command})
        return tonight(result, run={"lab": lab, "run_id": name}, verdict=verdict, executed=executed)

    found = only(night("lab-1", 40001, Verdict.PROVEN), night("lab-2", 40002, Verdict.RULE_SILENT))
    assert found.cause is Cause.FLAKE


def test_results_of_before_there_were_digests_are_compared_by_what_they_expected(result: Result) -> None:
    old = tonight(result, run={"run_id": "old"}, inputs=Inputs())
    found = only(old, tonight(result, verdict=Verdict.RULE_SILENT))
    assert (found.cause, "an older result does not say whether the rule has" in found.detail) == (Cause.FLAKE, True)
    silent = of(result).fired.model_copy(update={"expected": False})
    assert only(old, tonight(result, verdict=Verdict.UNEXPECTED_ALERT, fired=silent)).cause is Cause.EXPECTATION


def test_what_is_new_or_gone_is_no_regression(result: Result) -> None:
    less = result.model_copy(update={"results": [each for each in result.results if each.atomic != ATOMIC]})
    gone, new = only(result, less), only(less, result)
    assert (gone.kind, gone.cause, gone.before, gone.after) == ("change", Cause.GONE, "PROVEN", "")
    assert (new.kind, new.cause, new.before, new.after) == ("change", Cause.NEW, "", "PROVEN")


def test_an_alert_more_in_the_background_is_a_regression(result: Result) -> None:
    noisy = result.background.model_copy(update={"alerts": {RULE: [Alert(row={})]}})
    new = tonight(result, run={"background": noisy, "versions": result.versions | {"runc": "9.9"}})
    found = only(result, new)
    assert (found.kind, found.atomic, found.before, found.after) == ("regression", "background", "0 alerts", "1 alert")
    assert found.cause is Cause.VERSION
    assert only(new, result).kind == "improvement"


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (Recall(executed=9, equivalent=8, fired=3), "regression"),
        (Recall(executed=9, equivalent=8, fired=5), "improvement"),
        (Recall(executed=5, equivalent=4, fired=2), "change"),  # the same share of fewer variants
        (Recall(executed=9), "change"),  # nothing to be missed
    ],
)
def test_recall_is_a_share(result: Result, after: Recall, kind: str) -> None:
    before = Recall(executed=9, equivalent=8, fired=4)
    old = tonight(result, run={"recall": {RULE: {"wrappers": before}}})
    new = tonight(result, run={"recall": {RULE: {"wrappers": after}}})
    found = only(old, new)
    assert (found.kind, found.atomic, found.before) == (kind, "recall of wrappers", "4/8")


def test_recall_of_other_variants_is_explained_by_them(result: Result) -> None:
    def night(fired: int, *names: str) -> Result:
        recall = {RULE: {"wrappers": Recall(executed=2, equivalent=len(names), fired=fired)}}
        variants = [
            of(result).model_copy(
                update={
                    "atomic": f"{ATOMIC}~wrappers.{name}",
                    "variant": VariantResult(
                        of=ATOMIC, family="wrappers", name=name, held_out=False, equivalence="identical"
                    ),
                }
            )
            for name in names
        ]
        return tonight(result, run={"recall": recall, "results": [*result.results, *variants]})

    found = compare_results([night(1, "sh")], [night(1, "sh", "env")]).of("regression")
    assert [(each.atomic, each.cause, each.detail) for each in found] == [("recall of wrappers", Cause.ATOMIC, "1 new")]


def test_benign_alerts_are_counted_and_the_background_is_counted_once(result: Result) -> None:
    def night(alerts: int) -> Result:
        runs = BenignRuns(commands=40, alerts=alerts)
        return tonight(result, run={"benign": {RULE: {"ci-pipeline": runs, "orchestration": runs}}})

    found = only(night(5), night(6))
    assert (found.kind, found.atomic, found.after) == ("regression", "benign runs of ci-pipeline", "6 alerts")
    assert only(night(6), night(5)).kind == "improvement"


def test_several_results_of_one_atomic_are_compared_in_their_order(result: Result) -> None:
    worse = tonight(result, verdict=Verdict.RULE_SILENT)
    found = compare_results([result, worse], [result, tonight(result)])
    assert [each.kind for each in found.differences] == ["improvement"]
    assert found.new == ("old", "new")


def test_a_rule_that_is_proven_no_more_is_a_regression_whatever_dropped_out(result: Result) -> None:
    proven = result.model_copy(update={"proofs": [RuleProof(rule=RULE, attacks=3, benign=1)]})
    unproven = tonight(result, run={"proofs": [RuleProof(rule=RULE, attacks=0, benign=1, reason="no attack is")]})
    found = only(proven, unproven)
    assert (found.kind, found.atomic, found.before, found.after) == (
        "regression",
        "proof of the rule",
        "proven",
        "no attack is",
    )
    assert compare_results([proven], [unproven]).worse
    assert only(unproven, proven).kind == "improvement"
    assert compare_results([unproven], [unproven]).differences == ()


def test_a_copy_counts_on_neither_side(result: Result) -> None:
    """One that counted twice would hide that there are twice as many false alarms now."""
    first = result.background.model_copy(update={"alerts": {RULE: [Alert(row={})]}})
    twice = result.background.model_copy(update={"alerts": {RULE: [Alert(row={})] * 2}})
    one, loud = (result.model_copy(update={"background": each}) for each in (first, twice))
    copy = one.model_copy(update={"copy_of": "one"})
    assert compare_results([one, copy], [loud]).worse
    assert compare_results([one, copy], [one]).differences == ()


def test_where_there_is_nothing_but_a_copy_it_is_compared(result: Result) -> None:
    copy = result.model_copy(update={"copy_of": "another"})
    worse = tonight(copy, verdict=Verdict.RULE_SILENT)
    assert compare_results([copy], [worse]).worse
    assert not compare_results([worse], [copy]).worse
