"""Every verdict, from a real recording that was broken in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from harness.errors import InvalidFiles, InvalidInput, LivefireError, NothingSelected, RuleNotRunnable
from harness.files.expectation_file import load_expectations
from harness.files.yaml_reading import load_yaml
from harness.judge.prove import prove
from harness.model.atomic_result import AtomicResult
from harness.model.manifest import Manifest
from harness.model.result import Result
from harness.model.verdict import ExitCode, Verdict
from harness.recording import Recording, layout
from tests.conftest import EXPECTATIONS, Resealed

EXECUTION, PRIVILEGED, SECRETS = (
    "T1059.013/docker-container-execution",
    "T1059.013/docker-privileged-container-creation",
    "T1059.013/kubectl-secrets-enumeration",
)


def judged(recording: Recording, expectations: Path = EXPECTATIONS, rule: Path | None = None) -> Result:
    return prove(recording, load_expectations(expectations, rule), from_raw=True)


def of(result: Result, atomic: str) -> AtomicResult:
    return next(each for each in result.results if each.atomic == atomic)


def without(*words: str) -> object:
    return lambda lines: [line for line in lines if not all(word in line for word in words)]


def serial_of(recording: Recording, words: str) -> str:
    """The `seconds.millis:serial` of the event whose EXECVE record matches."""
    text = recording.read(layout.AUDIT_LOG).decode()
    match = re.search(rf"type=EXECVE msg=audit\(([^)]*)\): argc=\d+ {words}", text)
    assert match
    return match[1]


@pytest.fixture
def rule(tmp_path: Path) -> object:
    """Writes a changed copy of the rule."""

    def change(old: str, new: str) -> Path:
        original = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
        assert old in original
        path = tmp_path / "container-cli-api.yaml"
        path.write_text(original.replace(old, new))
        return path

    return change


@pytest.fixture
def expecting(tmp_path: Path) -> object:
    """Writes a copy of the expectations in which one entry is changed."""

    def change(atomic: str, **values: object) -> Path:
        document = load_yaml(EXPECTATIONS).data
        entry = next(e for e in document["expectations"] if e["atomic"] == atomic)
        for name in ("evade", "evasions"):  # are for an atomic on which the rule fires
            entry.pop(name, None)
        for name, value in values.items():
            if value is None:
                entry.pop(name, None)
            else:
                entry[name] = value
        folder = tmp_path / "expecting"
        folder.mkdir()
        (folder / EXPECTATIONS.name).write_text(yaml.safe_dump(document))
        source = EXPECTATIONS.with_name("container-cli-api.yaml")
        (folder / source.name).write_text(source.read_text())
        return folder / EXPECTATIONS.name

    return change


@pytest.mark.parametrize("from_raw", [False, True])
def test_the_real_recording_is_proven_and_its_tables_are_those_of_its_raw_logs(
    committed: Recording, from_raw: bool
) -> None:
    result = prove(committed, load_expectations(EXPECTATIONS), from_raw=from_raw)
    assert [each.verdict for each in result.results] == [Verdict.PROVEN] * 3
    assert result.exit_code is ExitCode.AS_EXPECTED
    assert result.background.count == 0
    assert all(each.latency.telemetry is not None and each.latency.telemetry > 0 for each in result.results)


def test_no_effect_is_not_executed(resealed: Resealed) -> None:
    def failed(lines: list[str]) -> list[str]:
        return [line.replace('"exitCode": "0"', '"exitCode": "1"') for line in lines]

    found = of(judged(resealed({layout.DAEMON_EVENTS: failed})), EXECUTION)
    assert found.verdict is Verdict.NOT_EXECUTED
    assert "ended with exit code 0" in found.reason


def test_an_effect_that_the_daemon_told_and_the_recording_lost_is_inconclusive(resealed: Resealed) -> None:
    found = of(judged(resealed({layout.DAEMON_EVENTS: without('"Action": "die"')})), EXECUTION)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "lacks the die of container" in found.reason


def test_a_403_is_not_executed(resealed: Resealed) -> None:
    def forbid(lines: list[str]) -> list[str]:
        return [re.sub(r'"code":200', '"code":403', x) if '"/api/v1/secrets?limit' in x else x for x in lines]

    result = judged(resealed({layout.KUBE_AUDIT: forbid}))
    assert of(result, SECRETS).verdict is Verdict.NOT_EXECUTED
    assert result.exit_code is ExitCode.UNMET


def test_a_missing_signal_is_no_telemetry_and_is_named(resealed: Resealed, committed: Recording) -> None:
    serial = serial_of(committed, 'a0="whoami"')
    found = of(judged(resealed({layout.AUDIT_LOG: without(f"({serial})")})), EXECUTION)
    assert found.verdict is Verdict.NO_TELEMETRY
    assert found.reason == "auditd did not show: process whoami inside that container"


def test_another_session_is_no_credit_but_background(resealed: Resealed, committed: Recording) -> None:
    """The very same record, with the audit session of somebody else."""
    attack = next(d for d in committed.manifest.detonations if d.atomic == EXECUTION).attack
    assert attack is not None
    serial = serial_of(committed, 'a0="docker" a1="run" a2="--rm" a3="livefire/busybox:local"')

    def move(lines: list[str]) -> list[str]:
        return [x.replace(f" ses={attack.session} ", " ses=4294967295 ") if f"({serial})" in x else x for x in lines]

    result = judged(resealed({layout.AUDIT_LOG: move}))

    # its parent is Livefire itself in this recording, so make it a stranger's
    def stranger(lines: list[str]) -> list[str]:
        return [re.sub(r" ppid=\d+ ", " ppid=1 ", x) if f"({serial})" in x else x for x in move(lines)]

    result = judged(resealed({layout.AUDIT_LOG: stranger}))
    assert of(result, EXECUTION).verdict is Verdict.NO_TELEMETRY
    assert result.background.count == 1
    assert result.exit_code is ExitCode.UNMET


def test_another_user_is_no_credit(resealed: Resealed) -> None:
    def swap(lines: list[str]) -> list[str]:
        return [
            re.sub(r'("username":")system:serviceaccount:livefire:run-\w+-atomic-2', r"\1mallory", x) for x in lines
        ]

    assert of(judged(resealed({layout.KUBE_AUDIT: swap})), SECRETS).verdict is Verdict.NOT_EXECUTED


def test_a_container_that_the_atomic_did_not_ask_for_is_no_credit(resealed: Resealed) -> None:
    def by_another(lines: list[str]) -> list[str]:
        return [re.sub('"atomic": "[^"]*"', '"atomic": "harness"', x) if "containers/create" in x else x for x in lines]

    found = of(judged(resealed({layout.DAEMON_REQUESTS: by_another})), PRIVILEGED)
    assert found.verdict is Verdict.NOT_EXECUTED


def test_who_asked_for_a_container_is_not_known_where_that_was_lost(resealed: Resealed) -> None:
    found = of(judged(resealed({layout.DAEMON_REQUESTS: without("containers/create")})), PRIVILEGED)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert f"{layout.DAEMON_REQUESTS} lacks POST /v1.41/containers/create" in found.reason


@pytest.mark.parametrize("label", ["start", f"after:{EXECUTION}"])
def test_a_canary_that_did_not_come_through_is_inconclusive(
    resealed: Resealed, committed: Recording, label: str
) -> None:
    sensor = committed.manifest.sensor("auditd")
    assert sensor is not None
    token = next(mark.token for mark in sensor.marks if mark.label == label)
    result = judged(resealed({layout.AUDIT_LOG: without(token)}))
    assert of(result, EXECUTION).verdict is Verdict.INCONCLUSIVE
    assert of(result, SECRETS).verdict is Verdict.PROVEN
    assert result.exit_code is ExitCode.INCONCLUSIVE


def test_lost_records_are_inconclusive(resealed: Resealed) -> None:
    def lose(manifest: Manifest) -> Manifest:
        sensors = []
        for sensor in manifest.sensors:
            after = sensor.after.model_copy(update={"readings": sensor.after.readings | {"lost": 7}})
            sensors.append(sensor.model_copy(update={"after": after}) if sensor.name == "auditd" else sensor)
        return manifest.model_copy(update={"sensors": sensors})

    found = of(judged(resealed(manifest=lose)), EXECUTION)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.reason == "auditd: the kernel lost 7 records"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            'type=CONFIG_CHANGE msg=audit(1795518215.287:9): op=remove_rule key="livefire" list=4 res=1',
            "a rule was removed",
        ),
        ("type=CONFIG_CHANGE msg=audit(1795518215.287:9): op=set audit_enabled=0 old=1 res=1", "switched off"),
        ("type=DAEMON_END msg=audit(1795518215.287:9): op=terminate res=success", "the daemon ended"),
        ("garbage", "damaged"),
    ],
)
def test_what_was_done_to_auditd_is_inconclusive(resealed: Resealed, line: str, problem: str) -> None:
    found = of(judged(resealed({layout.AUDIT_LOG: lambda lines: [*lines, line + "\n"]})), EXECUTION)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert problem in found.reason


def test_an_oracle_on_an_unwell_sensor_is_no_guess(resealed: Resealed) -> None:
    """No events at all: the effect is not seen, and neither are the canaries, so nothing is claimed."""
    found = of(judged(resealed({layout.DAEMON_EVENTS: lambda _: [], layout.DAEMON_LOG: lambda _: []})), EXECUTION)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_silent_rule_shows_the_nearest_miss(committed: Recording, rule: object) -> None:
    changed = rule('"docker exec", "docker run",', '"docker exec",')  # type: ignore[operator]
    found = of(judged(committed, rule=changed), EXECUTION)
    assert found.verdict is Verdict.RULE_SILENT
    assert found.near_miss is not None
    assert found.near_miss.predicate == "ProcessCommandLine has_any (SuspiciousCommands)"
    assert found.near_miss.values == {"ProcessCommandLine": "docker run --rm livefire/busybox:local whoami"}
    line, column = (int(part) for part in found.near_miss.at.rsplit(":", 2)[1:])
    assert changed.read_text().splitlines()[line - 1][column - 1 :].startswith("ProcessCommandLine has_any")


def test_a_silent_rule_on_another_tool_names_the_file_name(committed: Recording, rule: object) -> None:
    changed = rule('in~ ("docker", "kubectl"', 'in~ ("kubectl"')  # type: ignore[operator]
    found = of(judged(committed, rule=changed), EXECUTION)
    assert found.verdict is Verdict.RULE_SILENT
    assert found.near_miss is not None
    assert found.near_miss.values == {"FileName": "docker"}


def test_an_inverted_flag_is_wrong_flags(committed: Recording, rule: object) -> None:
    changed = rule(
        'extend SecretsAccess = ProcessCommandLine has_any ("get secrets", "get configmaps")',
        'extend SecretsAccess = not(ProcessCommandLine has_any ("get secrets", "get configmaps"))',
    )  # type: ignore[operator]
    result = judged(committed, rule=changed)
    assert {each.verdict for each in result.results} == {Verdict.WRONG_FLAGS}
    assert result.exit_code is ExitCode.UNMET


@pytest.mark.parametrize("word", ['"--privileged", ', '"--net=host", '])
def test_a_word_hidden_by_another_is_missed_when_it_goes(committed: Recording, tmp_path: Path, word: str) -> None:
    source = EXPECTATIONS.with_name("container-cli-api.yaml").read_text()
    changed = tmp_path / "container-cli-api.yaml"
    changed.write_text(source.replace(word, ""))
    found = of(judged(committed, rule=changed), PRIVILEGED)
    assert found.verdict is Verdict.WRONG_FLAGS
    assert f"but not by '{word.strip(', ').strip(chr(34))}' alone" in found.reason


def test_firing_where_it_must_not_is_unexpected(committed: Recording, expecting: object) -> None:
    path = expecting(EXECUTION, fires=False, flags=None, rows=None)  # type: ignore[operator]
    found = of(judged(committed, path), EXECUTION)
    assert found.verdict is Verdict.UNEXPECTED_ALERT


def test_a_known_gap_that_has_closed_is_unexpected(committed: Recording, expecting: object) -> None:
    path = expecting(EXECUTION, fires=False, flags=None, rows=None, known_gap="no pattern")  # type: ignore[operator]
    found = of(judged(committed, path), EXECUTION)
    assert found.verdict is Verdict.UNEXPECTED_ALERT
    assert "has closed" in found.reason


def test_a_known_gap_that_is_open_is_as_expected(committed: Recording, expecting: object, rule: object) -> None:
    path = expecting(EXECUTION, fires=False, flags=None, rows=None, known_gap="no pattern")  # type: ignore[operator]
    changed = rule('"docker exec", "docker run",', '"docker exec",')  # type: ignore[operator]
    found = of(judged(committed, path, changed), EXECUTION)
    assert (found.verdict, found.reason) == (Verdict.KNOWN_GAP, "no pattern")


@pytest.mark.parametrize(
    ("alarms", "verdict", "reason"),
    [
        (1, Verdict.KNOWN_GAP, "it looks the same"),
        (2, Verdict.UNEXPECTED_ALERT, "the known gap has changed: 1 row, expected 2: it looks the same"),
    ],
)
def test_the_false_alarms_of_a_benign_run_are_counted(
    committed: Recording, expecting: object, alarms: int, verdict: Verdict, reason: str
) -> None:
    values = {"fires": False, "flags": None, "rows": None, "benign": "routine"}
    path = expecting(EXECUTION, **values, false_alarms=alarms, known_gap="it looks the same")  # type: ignore[operator]
    found = of(judged(committed, path), EXECUTION)
    assert (found.verdict, found.reason) == (verdict, reason)


def test_a_benign_run_that_raises_none_of_its_false_alarms_is_a_gap_that_has_closed(
    committed: Recording, expecting: object, rule: object
) -> None:
    values = {"fires": False, "flags": None, "rows": None, "benign": "routine", "false_alarms": 1, "known_gap": "so"}
    path = expecting(EXECUTION, **values)  # type: ignore[operator]
    changed = rule('"docker exec", "docker run",', '"docker exec",')  # type: ignore[operator]
    found = of(judged(committed, path, changed), EXECUTION)
    assert found.verdict is Verdict.UNEXPECTED_ALERT
    assert "the known gap has closed: the rule is silent" in found.reason


def test_another_number_of_rows_is_wrong(committed: Recording, expecting: object) -> None:
    found = of(judged(committed, expecting(EXECUTION, rows=2)), EXECUTION)  # type: ignore[operator]
    assert (found.verdict, found.reason) == (Verdict.WRONG_FLAGS, "1 row, expected 2")


def test_a_flag_with_a_typo_is_invalid_input_at_its_place(committed: Recording, expecting: object) -> None:
    flags = {"PrivilegedContainer": False, "HostMuont": False, "ContainerExec": False, "SecretsAccess": False}
    path = expecting(EXECUTION, flags=flags)  # type: ignore[operator]
    with pytest.raises(InvalidInput, match="the rule has no flag 'HostMuont'") as caught:
        judged(committed, path)
    assert caught.value.hint == "Did you mean 'HostMount'?"
    assert caught.value.at is not None
    assert "HostMuont" in path.read_text().splitlines()[caught.value.at.line - 1]


def test_a_flag_that_is_not_mentioned_is_invalid(committed: Recording, expecting: object) -> None:
    with pytest.raises(InvalidInput, match="no value for the flag 'ContainerExec'"):
        judged(committed, expecting(EXECUTION, flags={"PrivilegedContainer": False, "HostMount": False}))  # type: ignore[operator]


def test_a_rule_that_the_engine_cannot_run_is_not_silent(committed: Recording, rule: object) -> None:
    changed = rule("| sort by Timestamp desc", "| evaluate bag_unpack(x)")  # type: ignore[operator]
    with pytest.raises(LivefireError) as caught:
        judged(committed, rule=changed)
    problems = caught.value.problems if isinstance(caught.value, InvalidFiles) else [caught.value]
    assert any(isinstance(problem, RuleNotRunnable) and problem.at for problem in problems)


def test_a_recording_without_the_atomics_is_nothing_selected(resealed: Resealed) -> None:
    with pytest.raises(NothingSelected):
        judged(resealed(manifest=lambda m: m.model_copy(update={"detonations": []})))


def test_a_skipped_atomic_is_no_pass(resealed: Resealed) -> None:
    def skip(manifest: Manifest) -> Manifest:
        update = {"skipped": "prerequisite not met: Docker must be installed", "attack": None}
        return manifest.model_copy(update={"detonations": [d.model_copy(update=update) for d in manifest.detonations]})

    result = judged(resealed(manifest=skip))
    assert {each.verdict for each in result.results} == {Verdict.SKIPPED}
    assert result.exit_code is ExitCode.LAB_UNAVAILABLE


def test_an_atomic_that_was_lost_with_the_lab_is_inconclusive_and_not_skipped(resealed: Resealed) -> None:
    def lost(manifest: Manifest) -> Manifest:
        first, *rest = manifest.detonations
        gone = {"attack": None, "skipped": "the Docker daemon does not answer", "lost": True}
        return manifest.model_copy(update={"detonations": [first.model_copy(update=gone), *rest]})

    found = of(judged(resealed(manifest=lost)), EXECUTION)
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "the Docker daemon does not answer")
