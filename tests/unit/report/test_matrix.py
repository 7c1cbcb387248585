"""The evasion matrix for a terminal: a line a variant, a column a rule, within 80 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.events import AtomicDetonated, AtomicStarted, RecordingSealed
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.atomic_result import AtomicResult, VariantResult
from harness.model.manifest import Detonation
from harness.model.result import Result
from harness.model.variant import Variant
from harness.model.verdict import Verdict
from harness.recording import open_recording
from harness.report.live_console import LiveConsole
from harness.report.matrix import print_matrix
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB


def variant(base: AtomicResult, name: str, verdict: Verdict, *, fired: bool, right: bool, ran: bool) -> AtomicResult:
    found = VariantResult(
        of=base.atomic,
        family="flag-spelling",
        name=name,
        held_out=False,
        equivalence="identical" if ran else "none",
        seen_by=["auditd", "docker_daemon"],
        flags_right=right,
    )
    update = {
        "atomic": f"{base.atomic}~flag-spelling.{name}",
        "verdict": verdict,
        "variant": found,
        "fired": base.fired.model_copy(update={"actual": fired}),
        "executed": base.executed.model_copy(update={"effect": ran}),
    }
    return base.model_copy(update=update)


@pytest.fixture(scope="module")
def result() -> Result:
    proven = prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))
    base = proven.results[0]
    rows = [
        variant(base, "space", Verdict.PROVEN, fired=True, right=True, ran=True),
        variant(base, "glued", Verdict.KNOWN_GAP, fired=False, right=False, ran=True),
        variant(base, "half", Verdict.KNOWN_GAP, fired=True, right=False, ran=True),
        variant(base, "broken", Verdict.NOT_EXECUTED, fired=False, right=False, ran=False),
        variant(base, "absent", Verdict.SKIPPED, fired=False, right=False, ran=False),
    ]
    other = [row.model_copy(update={"rule": "container-api-hardened"}) for row in rows[:1]]
    return proven.model_copy(update={"results": [*proven.results, *rows, *other]})


def test_each_variant_has_its_effect_sensors_and_an_outcome_for_each_rule(result: Result) -> None:
    out = io.StringIO()
    print_matrix(result, Console(file=out, width=80))
    text = out.getvalue()
    assert all(len(line) <= 80 for line in text.splitlines())
    assert f"Variants of {result.results[0].atomic}" in text
    cells = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith("flag-spelling.")}
    assert cells["flag-spelling.space"] == ["identical", "auditd", "docker", "fires", "fires"]
    assert cells["flag-spelling.glued"] == ["identical", "auditd", "docker", "silent", "-"]
    assert cells["flag-spelling.half"][3:5] == ["wrong", "flags"]
    assert cells["flag-spelling.broken"][0] == "none"
    assert cells["flag-spelling.absent"][0] == "skipped"


def test_long_names_are_folded_at_their_separators(result: Result) -> None:
    base = result.results[0]
    long = variant(base, "namespace_first.and-then-some-more-of-it", Verdict.PROVEN, fired=True, right=True, ran=True)
    rules = ("container-api-hardened", "container-cli-api", "another_rule.of.ours")
    rows = [long.model_copy(update={"rule": rule}) for rule in rules]
    out = io.StringIO()
    print_matrix(result.model_copy(update={"results": rows}), Console(file=out, width=80))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert lines[2:] == [
        "container- container- another_",
        "VARIANT EFFECT SEEN BY api-hardened cli-api rule.of.ours",
        "flag-spelling. identical auditd docker fires fires fires",
        "namespace_first.",
        "and-then-some-more-",
        "of-it",
    ]


def test_there_is_none_without_variants() -> None:
    out = io.StringIO()
    print_matrix(prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS)), Console(file=out, width=80))
    assert out.getvalue() == ""


def test_dozens_of_variants_are_one_line_while_they_run() -> None:
    original = open_recording(COMMITTED).manifest.detonations[0]
    out = io.StringIO()
    with LiveConsole(Console(file=out, width=120)) as live:
        live(AtomicStarted(original.atomic))
        live(AtomicDetonated(original))
        for number in range(12):
            found = Variant(of=original.atomic, family="quoting", name=f"n{number}")
            detonation = Detonation(**(original.model_dump() | {"atomic": found.id, "variant": found}))
            live(AtomicStarted(found.id, found))
            live(AtomicDetonated(detonation))
        live(AtomicStarted(MAIN_JOB[1]))
        live(RecordingSealed("r"))
    assert out.getvalue().splitlines()[:2] == [
        f"ran     {original.atomic}: exit code 0",
        f"ran     12 variants of {original.atomic}",
    ]
