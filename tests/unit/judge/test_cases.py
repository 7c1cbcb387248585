"""Which detonations are judged under which expectation, and what is asked of a variant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.cases import cases
from harness.model.expectation import Expectation
from harness.model.manifest import Detonation, Manifest
from harness.model.variant import Variant
from harness.recording import Recording
from tests.unit.judge.texts import rule_text

QUERY = "DeviceProcessEvents | extend A = true, B = false"
SIGNAL = "[{name: s, sensor: auditd, kql: Auditd_CL}]"
LOUD = f"""
  - atomic: T1/loud
    oracle: {SIGNAL}
    signals: {SIGNAL}
    fires: true
    rows: 2
    flags: {{A: true, B: false}}
    grounds: {{A: [x]}}
    evasions:
      - {{variants: [api.curl], reason: no command line}}
      - {{variants: [flags.short, flags.long], reason: another spelling, flags: {{A: false}}}}
"""
SILENT = f"""
  - atomic: T1/silent
    oracle: {SIGNAL}
    signals: {SIGNAL}
    fires: false
"""


@dataclass(frozen=True)
class Given:
    """A manifest and a way to ask for its cases."""

    manifest: Manifest
    folder: Path

    def expectations(self, text: str) -> list[Expectation]:
        (self.folder / "r.yaml").write_text(rule_text(QUERY))
        path = self.folder / "r.expect.yaml"
        path.write_text(f"expectations:{text}")
        return load_expectations(path)

    def with_runs(self, *runs: str | Variant) -> Manifest:
        return self.manifest.model_copy(update={"detonations": [_detonation(run) for run in runs]})


def _detonation(run: str | Variant) -> Detonation:
    variant = run if isinstance(run, Variant) else None
    atomic = variant.id if variant else str(run)
    return Detonation(
        atomic=atomic, guid="", technique="T1", name="n", skipped=None, user=None, attack=None, variant=variant
    )


@pytest.fixture
def given(committed: Recording, tmp_path: Path) -> Given:
    return Given(committed.manifest, tmp_path)


def _variant(family: str, name: str, of: str = "T1/loud") -> Variant:
    return Variant(of=of, family=family, name=name)


def test_an_atomic_is_followed_by_its_variants_in_the_order_of_the_expectations(given: Given) -> None:
    manifest = given.with_runs(_variant("quoting", "single"), "T1/silent", "T1/loud", "T1/other")
    found = cases(manifest, given.expectations(SILENT + LOUD))
    assert [each.detonation.atomic for each in found] == ["T1/silent", "T1/loud~quoting.single", "T1/loud"]


def test_a_variant_must_fire_with_the_flags_of_its_atomic_and_owes_nothing_else(given: Given) -> None:
    (case,) = cases(given.with_runs(_variant("quoting", "single")), given.expectations(LOUD))
    entry = case.expectation.entry
    assert (entry.fires, entry.vectors, entry.known_gap) == (True, [{"A": True, "B": False}] * 2, None)
    assert (entry.oracle, entry.signals, entry.grounds, entry.evasions, case.expectation.rows) == ([], [], {}, [], 0)
    assert case.expectation.atomic == case.detonation.atomic


def test_a_known_evasion_is_a_gap_and_what_is_right_stays(given: Given) -> None:
    (case,) = cases(given.with_runs(_variant("api", "curl")), given.expectations(LOUD))
    entry = case.expectation.entry
    assert (entry.fires, entry.vectors, entry.known_gap) == (False, [], "no command line")
    assert case.right == [{"A": True, "B": False}] * 2


def test_a_known_evasion_with_flags_fires_with_these(given: Given) -> None:
    (case,) = cases(given.with_runs(_variant("flags", "long")), given.expectations(LOUD))
    entry = case.expectation.entry
    assert (entry.fires, entry.vectors, entry.known_gap) == (True, [{"A": False, "B": False}] * 2, "another spelling")
    assert case.right == [{"A": True, "B": False}] * 2


def test_an_atomic_on_which_the_rule_is_silent_has_no_variants(given: Given) -> None:
    manifest = given.with_runs("T1/silent", _variant("quoting", "single", of="T1/silent"))
    assert [each.detonation.atomic for each in cases(manifest, given.expectations(SILENT))] == ["T1/silent"]
