"""Which evidence can be asked for on which kind of lab, and what is said where none is left."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.files.expectation_file import load_expectations
from harness.judge.labs import Kind, check_labs, kind_of, lacking, on
from harness.model.expectation import Expectation
from harness.model.manifest import LabFacts, LabPart
from harness.model.variant import Variant
from tests.conftest import EXPECTATIONS

PART = {"name": "x", "version": "1", "reason": "y"}
ENTRY = load_expectations(EXPECTATIONS)[0]


def expecting(oracle: list[str | None], signals: list[str | None]) -> Expectation:
    """An expectation with as many oracles and signals, each for a kind of cluster."""
    one = ENTRY.entry.signals[0]
    update = {
        key: [one.model_copy(update={"cluster": cluster, "name": f"{key} {n}"}) for n, cluster in enumerate(clusters)]
        for key, clusters in (("oracle", oracle), ("signals", signals))
    }
    return replace(ENTRY, entry=ENTRY.entry.model_copy(update=update))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("kind", "nodes"), ("context", "nodes"), ("control-plane", "bare"), (None, "none")],
)
def test_the_kind_of_a_lab(kind: str | None, expected: Kind) -> None:
    cluster = LabPart(kind=kind, **PART) if kind else None
    assert kind_of(LabFacts(docker=None, cluster=cluster)) == expected


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("nodes", ["signals 0", "signals 1"]), ("bare", ["signals 0", "signals 2"]), ("none", ["signals 0"])],
)
def test_what_needs_no_cluster_can_be_asked_everywhere(kind: Kind, kept: list[str]) -> None:
    signals = expecting([], [None, "nodes", "bare"]).entry.signals
    assert [each.name for each in on(kind, signals)] == kept


@pytest.mark.parametrize(
    ("oracle", "signals", "said"),
    [
        ([None], [None], ""),
        ([None], ["bare"], ""),
        ([], [None], "it can't be judged on a lab with a bare control plane: no oracle is left"),
        ([None], ["nodes"], "it can't be judged on a lab with a bare control plane: no signal is left"),
        (["nodes"], [], "it can't be judged on a lab with a bare control plane: no oracle and no signal is left"),
    ],
)
def test_an_oracle_and_a_signal_must_remain(oracle: list[str | None], signals: list[str | None], said: str) -> None:
    assert lacking(expecting(oracle, signals), "bare") == said


def test_a_variant_rests_on_its_effect() -> None:
    variant = Variant(of="T1/a", family="f", name="n")
    assert lacking(replace(expecting([], []), variant=variant), "none") == ""


@pytest.fixture
def written(tmp_path: Path) -> list[Expectation]:
    """Three expectations, of which the second is for a bare control plane and the third for no lab at all."""
    shutil.copy(ENTRY.rule.path, tmp_path)
    path = tmp_path / EXPECTATIONS.name
    signal = "{name: x, sensor: auditd, kql: Auditd_CL}"
    bare, nodes = (f"{signal[:-1]}, cluster: {cluster}}}" for cluster in ("bare", "nodes"))
    entries = [
        f"  - fires: false\n    atomic: T1/{name}\n    oracle: [{oracle}]\n    signals: [{of}]\n"
        for name, oracle, of in (("a", signal, signal), ("b", bare, signal), ("c", bare, nodes), ("d", signal, nodes))
    ]
    path.write_text("expectations:\n" + "".join(entries))
    return load_expectations(path)


def test_what_can_be_judged_nowhere_is_a_mistake_and_else_a_note(written: list[Expectation], tmp_path: Path) -> None:
    problems, notes = check_labs(written)
    file = tmp_path / EXPECTATIONS.name
    lab = "it can't be judged on a lab with"
    assert notes == [
        f"{file}:7:5: T1/b: {lab} a cluster that has nodes: no oracle is left",
        f"{file}:7:5: T1/b: {lab} no cluster: no oracle is left",
        f"{file}:15:5: T1/d: {lab} a bare control plane: no signal is left",
        f"{file}:15:5: T1/d: {lab} no cluster: no signal is left",
    ]
    (problem,) = problems
    assert problem.message == "'T1/c' can't be judged on any kind of lab"
    assert str(problem.at) == f"{file}:11:5"
    assert problem.hint == (
        f"An oracle and a signal must remain: {lab} a cluster that has nodes: no oracle is left; "
        f"{lab} a bare control plane: no signal is left; {lab} no cluster: no oracle and no signal is left"
    )
