"""No PROVEN without evidence: each way to come by one that was found, and what comes out instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.errors import InvalidInput
from harness.files.expectation_file import load_expectations
from harness.files.yaml_reading import load_yaml
from harness.judge.prove import prove
from harness.model.atomic_result import AtomicResult
from harness.model.manifest import Detonation, Manifest
from harness.model.verdict import ExitCode, Verdict
from harness.recording import Recording
from tests.conftest import EXPECTATIONS, Resealed

EXECUTION, SECRETS = "T1059.013/docker-container-execution", "T1059.013/kubectl-secrets-enumeration"
FLAGS = ("PrivilegedContainer", "HostMount", "ContainerExec", "SecretsAccess")
Judge = Callable[..., AtomicResult]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judges one atomic by an entry that is changed, under a rule that is changed."""

    def judged(
        recording: Recording, atomic: str, change: Callable[[dict[str, Any]], None], rule: tuple[str, str] = ("", "")
    ) -> AtomicResult:
        document = load_yaml(EXPECTATIONS).data
        entry = next(each for each in document["expectations"] if each["atomic"] == atomic)
        entry = {key: value for key, value in entry.items() if key not in ("evade", "evasions")}
        change(entry)
        path = tmp_path / EXPECTATIONS.name
        path.write_text(yaml.safe_dump({"companions": document["companions"], "expectations": [entry]}))
        text = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
        assert rule[0] in text
        (tmp_path / "container-cli-api.yaml").write_text(text.replace(*rule))
        (result,) = prove(recording, load_expectations(path), from_raw=True).results
        return result

    return judged


def restrict(key: str, cluster: str) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        entry[key] = [signal | {"cluster": cluster} for signal in entry[key]]

    return change


@pytest.mark.parametrize("key", ["oracle", "signals"])
def test_evidence_that_is_filtered_away_is_none(committed: Recording, judge: Judge, key: str) -> None:
    result = judge(committed, EXECUTION, restrict(key, "nodes"))  # it was recorded on a bare control plane
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.reason.startswith("it can't be judged on a lab with a bare control plane: no ")


@pytest.mark.parametrize("cluster", ["nodes", "bare"])
def test_a_lab_without_a_cluster_is_neither_kind(resealed: Resealed, judge: Judge, cluster: str) -> None:
    def forget(manifest: Manifest) -> Manifest:
        kept = [each for each in manifest.sensors if each.name != "kube_audit"]
        return manifest.model_copy(update={"lab": manifest.lab.model_copy(update={"cluster": None}), "sensors": kept})

    result = judge(resealed(manifest=forget), EXECUTION, restrict("signals", cluster))
    assert (result.verdict, result.reason) == (
        Verdict.INCONCLUSIVE,
        "it can't be judged on a lab with no cluster: no signal is left",
    )


def test_an_effect_that_was_not_seen_comes_before_what_is_lacking(committed: Recording, judge: Judge) -> None:
    def change(entry: dict[str, Any]) -> None:
        restrict("signals", "nodes")(entry)
        entry["oracle"] = [{"name": "never", "kql": "Auditd_CL | where Exe == 'never'"}]

    assert judge(committed, EXECUTION, change).verdict is Verdict.NOT_EXECUTED


@pytest.mark.parametrize(
    "companions",
    [
        ["true"],
        ['FileName == "docker"'],
        ['ProcessCommandLine has "whoami"', "1 == 1"],
    ],
)
def test_a_companion_is_never_the_atomics_own_row(committed: Recording, judge: Judge, companions: list[str]) -> None:
    result = judge(
        committed, EXECUTION, lambda e: e.update(companions=[{"reason": "wrapper", "where": w} for w in companions])
    )
    assert (result.verdict, result.fired.rows, result.fired.companions) == (Verdict.RULE_SILENT, 0, 1)
    assert "companions alone" in result.reason


def test_a_rule_that_sees_only_the_shell_around_the_attack_is_silent(committed: Recording, judge: Judge) -> None:
    shell = {"reason": "the shell around it", "where": 'FileName == "bash"'}
    rule = ('in~ ("docker", "kubectl"', 'in~ ("bash"')
    result = judge(committed, EXECUTION, lambda entry: entry.update(companions=[shell]), rule)
    assert result.verdict is Verdict.RULE_SILENT


def test_flags_of_several_rows_are_not_added_up(committed: Recording, judge: Judge) -> None:
    """Each row is told by itself: one with HostMount and one with SecretsAccess are no row with both."""
    both = dict.fromkeys(FLAGS, False) | {"HostMount": True, "SecretsAccess": True}
    query = "| mv-expand Copy = dynamic([1, 2]) to typeof(long)\n  "
    query += "| extend HostMount = Copy == 1, SecretsAccess = Copy == 2\n  | sort by Timestamp desc"
    doubled = ("| sort by Timestamp desc", query)
    result = judge(committed, EXECUTION, lambda entry: entry.update(flags=both, rows=2), doubled)
    assert result.verdict is Verdict.WRONG_FLAGS
    each = [dict.fromkeys(FLAGS, False) | {name: True} for name in ("SecretsAccess", "HostMount")]

    def list_rows(entry: dict[str, Any]) -> None:
        entry.pop("flags")
        entry["rows"] = each

    assert judge(committed, EXECUTION, list_rows, doubled).verdict is Verdict.PROVEN


def test_a_sensor_that_contradicts_the_table_is_refused(committed: Recording, judge: Judge) -> None:
    def change(entry: dict[str, Any]) -> None:
        entry["signals"] = [{"name": "listed", "sensor": "auditd", "kql": 'AKSAudit | where Verb == "list"'}]

    with pytest.raises(InvalidInput, match="reads what kube_audit saw, and not what auditd did") as caught:
        judge(committed, SECRETS, change)
    assert caught.value.at is not None


def test_a_signal_rests_on_each_sensor_that_it_reads(resealed: Resealed, judge: Judge) -> None:
    """One over two tables: the sensor behind either may not be unwell."""

    def unwell(manifest: Manifest) -> Manifest:
        sensors = [
            sensor.model_copy(update={"marks": [m.model_copy(update={"seen": None}) for m in sensor.marks]})
            if sensor.name == "kube_audit"
            else sensor
            for sensor in manifest.sensors
        ]
        return manifest.model_copy(update={"sensors": sensors})

    def change(entry: dict[str, Any]) -> None:
        kql = 'union (Auditd_CL | project Exe), (AKSAudit | project Verb) | where Exe endswith "/docker"'
        entry["signals"] = [{"name": "either", "sensor": "auditd", "kql": kql}]

    result = judge(resealed(manifest=unwell), EXECUTION, change)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "kube_audit" in result.reason


def limited(manifest: Manifest) -> Manifest:
    def met(detonation: Detonation) -> Detonation:
        assert detonation.attack is not None
        return detonation.model_copy(update={"attack": detonation.attack.model_copy(update={"timed_out": True})})

    return manifest.model_copy(update={"detonations": [met(each) for each in manifest.detonations]})


def test_an_attack_whose_effect_was_seen_is_judged_though_it_ran_into_its_limit(resealed: Resealed) -> None:
    result = prove(resealed(manifest=limited), load_expectations(EXPECTATIONS))
    assert {each.verdict for each in result.results} == {Verdict.PROVEN}
    assert all(each.executed.timed_out and "ran into its time limit" in each.reason for each in result.results)


def test_an_attack_without_effect_that_ran_into_its_limit_says_so(resealed: Resealed, judge: Judge) -> None:
    never = [{"name": "never", "kql": "DockerDaemon_CL | where Image == 'never'"}]
    result = judge(resealed(manifest=limited), EXECUTION, lambda entry: entry.update(oracle=never))
    assert result.verdict is Verdict.NOT_EXECUTED
    assert result.reason == "the effect was not observed: never; the attack ran into its time limit"


def test_exit_code_of_what_cannot_be_judged(committed: Recording, tmp_path: Path) -> None:
    document = load_yaml(EXPECTATIONS).data
    entry = next(each for each in document["expectations"] if each["atomic"] == EXECUTION)
    for name in ("evade", "evasions"):
        entry.pop(name)
    restrict("oracle", "nodes")(entry)
    path = tmp_path / EXPECTATIONS.name
    path.write_text(yaml.safe_dump({"expectations": [entry]}))
    (tmp_path / "container-cli-api.yaml").write_text(EXPECTATIONS.with_name("container-cli-api.yaml").read_text())
    assert prove(committed, load_expectations(path)).exit_code is ExitCode.INCONCLUSIVE
