"""The account of a rule: what counts as an attack, as a false alarm, and what an exclusion changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.recall import RuleFigures, figures_of
from harness.kql.engine_choice import new_workspace
from harness.kql.workspace import Workspace
from harness.model.atomic_result import Alert, AtomicResult, Fired, Flag, VariantResult
from harness.model.expectation import Expectation
from harness.model.observed import Executed
from harness.model.verdict import Verdict
from harness.telemetry.schema import BACKGROUND, RECORD, Row, complete
from tests.unit.judge.texts import rule_text

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
QUERY = """
  DeviceProcessEvents
  | where FileName == "docker" and ProcessCommandLine has "run"
  | extend Privileged = ProcessCommandLine has "--privileged"
  | project FileName, ProcessCommandLine, InitiatingProcessCommandLine, Privileged
"""
TUNING = """
tuning:
  - {name: runner, where: InitiatingProcessCommandLine has "ci-runner"}
  - {name: privileged, where: Privileged}
  - {name: version, where: ProcessCommandLine has "version"}
"""


@dataclass
class World:
    """Slices with processes, and a result for each."""

    folder: Path
    workspace: Workspace = field(default_factory=lambda: new_workspace(NOW))
    entries: list[str] = field(default_factory=list)
    results: list[AtomicResult] = field(default_factory=list)
    background: list[Alert] = field(default_factory=list)

    def add(
        self,
        atomic: str,
        *lines: str,
        by: str = "bash",
        benign: str = "",
        variant: VariantResult | None = None,
        effect: bool = True,
        ran: bool = True,
        gap: bool = False,
        boundary: bool = False,
    ) -> None:
        self.workspace.put("DeviceProcessEvents", atomic, [_process(line, by) for line in lines])
        rows = self.workspace.query(QUERY, atomic)
        fires = not (benign or gap or boundary)
        expected = "fires: true\n    flags: {Privileged: true}" if fires else "fires: false"
        if gap:
            expected += "\n    known_gap: it is blind"
        signal = "[{name: s, sensor: auditd, kql: Auditd_CL}]"
        self.entries.append(f"  - atomic: {atomic}\n    oracle: {signal}\n    signals: {signal}\n    {expected}\n")
        self.results.append(
            AtomicResult(
                atomic=atomic,
                guid="",
                name=atomic,
                technique="T1",
                rule="r",
                at="",
                verdict=Verdict.PROVEN,
                reason="",
                executed=Executed(ran=ran, effect=effect),
                fired=Fired(expected=fires, actual=bool(rows), rows=len(rows), expected_rows=1),
                flags={"Privileged": Flag(expected=True, actual=True)} if fires else {},
                alerts=[Alert(row=row) for row in rows],
                benign=benign,
                variant=variant,
            )
        )

    def figures(self, tuning: str = TUNING, query: str = QUERY) -> RuleFigures:
        (self.folder / "r.yaml").write_text(rule_text(query))
        path = self.folder / "r.expect.yaml"
        path.write_text(f"{tuning}\nexpectations:\n{''.join(self.entries)}")
        expectations: list[Expectation] = load_expectations(path)
        return figures_of(expectations, self.results, self.background, self.workspace)


def _process(line: str, by: str) -> Row:
    row: dict[str, Any] = {
        "Timestamp": (NOW - timedelta(minutes=1)).replace(tzinfo=None),
        "FileName": line.split()[0],
        "ProcessCommandLine": line,
        "InitiatingProcessCommandLine": by,
        RECORD: "raw/x:1",
    }
    return complete("DeviceProcessEvents", row)


def _variant(
    name: str, equivalence: Literal["identical", "covers", "different", "unknown"] = "identical", **more: Any
) -> VariantResult:
    values: dict[str, Any] = {"of": "T1/a", "family": "quoting", "held_out": False} | more
    return VariantResult(name=name, equivalence=equivalence, **values)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_recall_counts_variants_that_do_the_same(world: World) -> None:
    world.add("T1/a", "docker run --privileged x")
    world.add("T1/a~quoting.1", "docker run --privileged x", variant=_variant("1", flags_right=True))
    world.add("T1/a~quoting.2", "docker run x", variant=_variant("2", "covers", held_out=True))
    world.add("T1/a~quoting.3", "curl", variant=_variant("3"))
    world.add("T1/a~quoting.4", "docker run x", variant=_variant("4", "different"))
    world.add("T1/a~quoting.5", variant=_variant("5", "different"), effect=False)
    world.add("T1/a~api.6", "curl", variant=_variant("6", family="api", held_out=True))
    found = world.figures()
    assert found.recall["quoting"].model_dump() == {"executed": 4, "equivalent": 3, "fired": 2, "flags_right": 1}
    assert found.recall["api"].model_dump() == {"executed": 1, "equivalent": 1, "fired": 0, "flags_right": 0}
    split = found.recall_split
    assert split["held_out"].model_dump() == {"executed": 2, "equivalent": 2, "fired": 1, "flags_right": 0}
    assert split["tuned"].executed + split["held_out"].executed == 5


def test_benign_runs_are_counted_by_family_and_flag(world: World) -> None:
    world.add("T1/pipeline", "docker run --privileged x", "docker version", benign="ci")
    world.add("T1/deploy", "docker run x", "sh -c x", "sh -c y", benign="ci")
    world.add("T1/quiet", "docker ps", benign="engineer")
    world.add("T1/skipped", benign="operator", ran=False, effect=False)
    world.workspace.put("DeviceProcessEvents", BACKGROUND, [_process("runc x", "containerd")] * 4)
    found = world.figures().benign
    assert {name: (each.commands, each.alerts, each.flags) for name, each in found.items()} == {
        "ci": (5, 2, {"Privileged": 1}),
        "engineer": (1, 0, {}),
        "orchestration": (4, 0, {}),
    }


def test_what_the_rule_says_of_the_background_is_a_false_alarm_of_orchestration(world: World) -> None:
    world.add("T1/quiet", "docker ps", benign="engineer")
    world.background = [Alert(row={"Privileged": True})]
    found = world.figures()
    assert found.benign["orchestration"].alerts == 1
    assert found.flags["Privileged"].benign == 1


def test_without_benign_runs_there_is_no_account_of_them(world: World) -> None:
    world.add("T1/a", "docker run --privileged x")
    found = world.figures()
    assert found.benign == {}
    assert found.recall == found.recall_split == {}
    assert found.tuning == []


def test_the_precision_of_a_flag(world: World) -> None:
    world.add("T1/a", "docker run --privileged x")
    world.add("T1/a~quoting.1", "docker run --privileged x", variant=_variant("1"))
    world.add("T1/b", "docker run x")
    world.add("T1/pipeline", "docker run --privileged x", "docker run x", benign="ci")
    flag = world.figures().flags["Privileged"]
    assert (flag.attacks, flag.benign) == (2, 1)
    assert flag.precision == pytest.approx(2 / 3)


def test_an_exclusion_has_its_gain_and_its_cost(world: World) -> None:
    world.add("T1/a", "docker run --privileged x")
    world.add("T1/poisoned", "docker run x", by="bash ci-runner")
    world.add("T1/pipeline", "docker run x", "docker run version", by="bash ci-runner", benign="ci")
    plain, runner, privileged, version, free = world.figures().tuning
    assert (plain.alerts, plain.benign_alerts, plain.attacks, plain.fired) == (4, 2, 2, 2)
    assert (runner.benign_alerts, runner.fired, runner.precision, runner.recall) == (0, 1, 1.0, 0.5)
    assert (privileged.benign_alerts, privileged.fired) == (2, 1)
    assert (version.benign_alerts, version.fired, version.alerts) == (1, 2, 3)
    assert [each.where for each in (plain, runner)] == ["", 'InitiatingProcessCommandLine has "ci-runner"']
    assert free.where == version.where


def test_exclusions_without_cost_are_tried_together(world: World) -> None:
    world.add("T1/a", "docker run x")
    world.add("T1/pipeline", "docker run x", by="bash ci-runner", benign="ci")
    world.add("T1/hour", "docker run version", "docker run x", benign="engineer")
    free = world.figures().tuning[-1]
    assert (free.benign_alerts, free.fired) == (1, 1)
    assert "ci-runner" in free.where
    assert "version" in free.where


def test_a_variant_that_does_something_else_is_no_attack(world: World) -> None:
    world.add("T1/quiet", "docker ps", benign="engineer")
    world.add("T1/a", "docker run --privileged x")
    world.add("T1/a~quoting.1", "docker run x", variant=_variant("1", "different"))
    plain = world.figures().tuning[0]
    assert (plain.attacks, plain.fired, plain.alerts) == (1, 1, 1)


def test_an_attack_to_which_the_rule_is_blind_is_missed_and_a_boundary_is_none(world: World) -> None:
    world.add("T1/quiet", "docker ps", benign="engineer")
    world.add("T1/a", "docker run --privileged x")
    world.add("T1/blind", "podman run x", gap=True)
    world.add("T1/boundary", "docker ps", boundary=True)
    plain = world.figures().tuning[0]
    assert (plain.attacks, plain.fired, plain.recall) == (2, 1, 0.5)


def test_a_rule_that_ends_with_a_semicolon_can_be_tuned(world: World) -> None:
    world.add("T1/quiet", "docker ps", benign="engineer")
    world.add("T1/a", "docker run --privileged x")
    assert world.figures(query=f"{QUERY.rstrip()};\n").tuning[0].fired == 1


def test_a_rule_that_says_nothing_can_be_tuned(world: World) -> None:
    world.add("T1/quiet", "docker ps", benign="engineer")
    world.add("T1/a", "curl")
    assert {each.fired for each in world.figures().tuning} == {0}
