"""A whole run on the real lab, judged again: each pattern, benign life, evasions, and two rules side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.evasion.variant_choice import with_marked
from harness.files.catalog import find_atomics, find_expectations
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import AtomicResult
from harness.model.mutants import Mutants
from harness.model.result import Result
from harness.model.verdict import ExitCode, Verdict
from harness.recording import Recording, open_recording
from harness.report.html import to_html
from harness.report.html.raw_section import cited
from harness.study.mutation.score import mutate
from tests.conftest import EXPECTATIONS, PROJECT

WHOLE = PROJECT / "tests/recordings/whole-technique"
FIRST, HARDENED = "container-cli-api", "container-api-hardened"
PAGE_LIMIT, RECORDING_LIMIT = 5_000_000, 8_000_000  # bytes


@pytest.fixture(scope="module")
def recording() -> Recording:
    return open_recording(WHOLE)


@pytest.fixture(scope="module")
def result(recording: Recording) -> Result:
    return prove(recording, find_expectations([PROJECT / "expectations"]))


@pytest.fixture(scope="module")
def mutants() -> Mutants:
    return mutate(load_expectations(EXPECTATIONS), [WHOLE])


def of(result: Result, rule: str) -> list[AtomicResult]:
    return [each for each in result.results if each.rule == rule]


def test_everything_is_as_expected(result: Result) -> None:
    wrong = [f"{r.atomic} {r.verdict}: {r.reason}" for r in result.results if not r.verdict.as_expected]
    assert [each for each in wrong if " SKIPPED: " not in each] == []
    assert result.exit_code is ExitCode.AS_EXPECTED
    assert result.background.count == 0


def test_it_holds_all_that_a_whole_run_has(recording: Recording, result: Result) -> None:
    atomics, expected = find_atomics([PROJECT / "atomics"]), find_expectations([PROJECT / "expectations"])
    held = {detonation.atomic for detonation in recording.manifest.detonations}
    assert held == {atomic.id for atomic in with_marked(atomics, expected)}, "record it anew: see CONTRIBUTING.md"
    assert {each.atomic for each in of(result, FIRST)} == held == {each.atomic for each in of(result, HARDENED)}


def test_its_page_has_every_record_that_is_cited_and_stays_small(result: Result) -> None:
    html = to_html([result])
    places = {evidence.record for each in result.results for evidence in cited(each)}
    assert html.count('<div class="record" id=') == len(places)
    assert "raw record not available" not in html
    assert len(html.encode()) < PAGE_LIMIT


def test_it_is_compact() -> None:
    assert sum(path.stat().st_size for path in WHOLE.rglob("*") if path.is_file()) < RECORDING_LIMIT


def test_its_raw_logs_give_the_same_verdicts(recording: Recording, result: Result) -> None:
    again = prove(recording, load_expectations(EXPECTATIONS), from_raw=True)
    assert {r.atomic: r.verdict for r in again.results} == {r.atomic: r.verdict for r in of(result, FIRST)}


def test_every_variant_did_the_same_as_its_atomic(result: Result) -> None:
    ran = [each for each in result.results if each.variant and each.verdict is not Verdict.SKIPPED]
    assert len(ran) > 2 * 300
    for each in ran:
        assert each.variant is not None
        assert each.variant.equivalent, (each.atomic, each.variant.differences)
        assert "auditd" in each.variant.seen_by


@pytest.mark.parametrize("part", ["tuned", "held_out"])
def test_the_hardened_rule_finds_what_the_first_one_misses(result: Result, part: str) -> None:
    first, hardened = (result.recall_split[rule][part] for rule in (FIRST, HARDENED))
    assert first.equivalent == hardened.equivalent > 100
    assert hardened.fired / hardened.equivalent >= 0.95
    assert first.fired / first.equivalent < 0.75


def test_the_hardened_rule_cries_wolf_less(result: Result) -> None:
    alerts = {rule: sum(family.alerts for family in result.benign[rule].values()) for rule in (FIRST, HARDENED)}
    assert 0 < alerts[HARDENED] < alerts[FIRST]
    assert all(family.commands > 0 for family in result.benign[FIRST].values())


def test_tuning_has_a_price(result: Result) -> None:
    plain, *tuned = result.tuning[FIRST]
    assert plain.recall is not None
    runner = next(each for each in tuned if "runner" in each.name)
    assert runner.benign_alerts < plain.benign_alerts
    assert runner.fired < plain.fired  # a poisoned pipeline hides behind the exclusion
    root = next(each for each in tuned if "root" in each.name)
    assert (root.alerts, root.fired) == (0, 0)


def test_a_pin_that_is_taken_away_shows(recording: Recording) -> None:
    """Each known evasion of one atomic: without its pin, the run fails."""
    expectation = next(e for e in load_expectations(EXPECTATIONS) if e.atomic.endswith("/docker-exec"))
    without = replace(expectation, entry=expectation.entry.model_copy(update={"evasions": []}))
    found = prove(recording, [without])
    pinned = {key for known in expectation.entry.evasions for key in known.variants}
    silent = {
        f"{r.variant.family}.{r.variant.name}" for r in found.results if r.variant and r.verdict is Verdict.RULE_SILENT
    }
    assert silent == pinned
    assert found.exit_code is ExitCode.UNMET


def test_a_gap_that_has_closed_shows(recording: Recording) -> None:
    expectation = next(e for e in load_expectations(EXPECTATIONS) if e.atomic.endswith("/docker-exec"))
    known = expectation.entry.evasions[0]
    closed = known.model_copy(update={"variants": [*known.variants, "quoting.double-space"]})
    entry = expectation.entry.model_copy(update={"evasions": [closed, *expectation.entry.evasions[1:]]})
    found = prove(recording, [replace(expectation, entry=entry)])
    changed = next(r for r in found.results if r.variant and r.variant.name == "double-space")
    assert changed.verdict is Verdict.UNEXPECTED_ALERT
    assert "has closed" in changed.reason


def test_every_mutant_of_the_first_rule_is_killed(mutants: Mutants) -> None:
    live = [(m.at, m.operator, m.before) for m in mutants.mutants if m.status == "live"]
    assert live == []
    assert mutants.score == 1.0
    assert mutants.cases > 400


@pytest.mark.parametrize(
    "word", ['"docker cp"', '"crictl exec"', '"ctr run"', '"kubectl proxy"', '"nerdctl"', '"podman"']
)
def test_each_word_of_the_rule_is_needed_by_an_atomic_of_its_own(mutants: Mutants, word: str) -> None:
    killers: list[Any] = [
        m.killed_by for m in mutants.mutants if m.operator == "drop-literal" and m.before.strip(", \n") == word
    ]
    assert killers
    assert all(any(name.startswith("T1059.013/") for name in each) for each in killers)


def test_the_page_of_both_rules_shows_every_cell(result: Result, tmp_path: Path) -> None:
    from harness.files.result_file import to_json
    from harness.report.html import to_html

    page = to_html([result])
    for family in result.recall[FIRST]:
        assert f">{family}<" in page
    assert "<script" not in page
    document = json.loads(to_json([result]))
    assert document["recall"][FIRST]["docker-socket"]["fired"] == 0
    assert set(document["benign"][FIRST]["engineer"]) == {"commands", "alerts", "flags"}


@pytest.mark.parametrize(
    ("atomic", "lost", "line"),
    [
        ("T1059.013/docker-container-execution", "docker run", "docker run --rm livefire/busybox:local whoami"),
        ("T1059.013/docker-exec", "docker exec", "docker exec livefire-target whoami"),
    ],
)
def test_the_nearest_miss_is_the_attack_and_no_step_before_it(
    recording: Recording, tmp_path: Path, atomic: str, lost: str, line: str
) -> None:
    """`docker context create`, with which these variants begin, passes as many predicates."""
    rule = tmp_path / f"{FIRST}.yaml"
    rule.write_text(EXPECTATIONS.with_name(rule.name).read_text().replace(f'"{lost}"', '"something else"', 1))
    expected = [each for each in load_expectations(EXPECTATIONS, rule) if each.atomic == atomic]
    found = {each.atomic: each for each in prove(recording, expected).results}
    names = [atomic, *(f"{atomic}~environment.context-{how}" for how in ("variable", "file"))]
    near = [found[name].near_miss for name in names]
    assert {each and each.values["ProcessCommandLine"] for each in near} == {line}
