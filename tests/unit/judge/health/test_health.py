"""Whether a sensor can be believed, from its raw files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest

from harness.judge.health.health import Health
from harness.model.manifest import Canary, Manifest
from harness.model.observed import SensorHealth
from harness.model.verdict import Verdict
from harness.recording import Recording, layout
from tests.conftest import EXPECTATIONS, MAIN_JOB, Resealed

EXECUTION, SECRETS = "T1059.013/docker-container-execution", "T1059.013/kubectl-secrets-enumeration"


def problems(recording: Recording, atomic: str, sensor: str) -> list[str]:
    detonation = next(d for d in recording.manifest.detonations if d.atomic == atomic)
    return Health.of(recording.path, recording.manifest).around(detonation, sensor).problems


@pytest.mark.parametrize("sensor", ["auditd", "docker_daemon", "kube_audit"])
def test_a_real_recording_is_well(committed: Recording, sensor: str) -> None:
    assert problems(committed, EXECUTION, sensor) == []


@pytest.mark.parametrize("file", [layout.DAEMON_EVENTS, layout.DAEMON_LOG])
def test_each_stream_of_a_sensor_must_carry_the_canary(resealed: Resealed, file: str) -> None:
    found = problems(resealed({file: lambda _: []}), EXECUTION, "docker_daemon")
    assert found[0] == f"docker_daemon: the canary before the attack did not come through in {file}"


def test_a_stream_that_ended_before_the_attack_is_no_proof_that_nothing_was_executed(resealed: Resealed) -> None:
    from harness.files.expectation_file import load_expectations
    from harness.judge.prove import prove

    cut = resealed({layout.DAEMON_EVENTS: lambda lines: lines[:2]})
    result = prove(cut, load_expectations(EXPECTATIONS), from_raw=True)
    assert result.results[0].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("file", "atomic", "sensor"),
    [(layout.KUBE_AUDIT, SECRETS, "kube_audit"), (layout.DAEMON_EVENTS, EXECUTION, "docker_daemon")],
)
@pytest.mark.parametrize("harm", [lambda line: line[:-20] + "\n", lambda _: "17\n", lambda _: "\0\0\0\n"])
def test_a_damaged_line_is_a_problem(
    resealed: Resealed, file: str, atomic: str, sensor: str, harm: Callable[[str], str]
) -> None:
    damaged = resealed({file: lambda lines: [*lines[:5], harm(lines[5]), *lines[6:]]})
    assert f"{sensor}: line 6 of {file} is damaged" in problems(damaged, atomic, sensor)


def test_a_sensor_that_was_not_there_is_not_well(resealed: Resealed) -> None:
    bare = resealed(manifest=lambda m: m.model_copy(update={"sensors": []}))
    found = Health.of(bare.path, bare.manifest).around(bare.manifest.detonations[0], "auditd")
    assert found == SensorHealth(sensor="auditd", ok=False, problems=["auditd was not part of this lab"])


def stopped(line: str) -> str:
    return line[: len(line) // 2] + "\n"


@pytest.mark.parametrize("harm", [stopped, lambda _: "{}\n", lambda _: "\0\n"])
def test_damaged_requests_are_the_docker_sensor_s(resealed: Resealed, harm: Callable[[str], str]) -> None:
    file = layout.DAEMON_REQUESTS
    damaged = resealed({file: lambda lines: [*lines[:5], harm(lines[5]), *lines[6:]]})
    assert problems(damaged, EXECUTION, "docker_daemon") == [f"docker_daemon: line 6 of {file} is damaged"]


def test_requests_that_are_not_there_are_the_docker_sensor_s(resealed: Resealed) -> None:
    found = problems(resealed({layout.DAEMON_REQUESTS: lambda _: []}), EXECUTION, "docker_daemon")
    assert found[0] == f"docker_daemon: {layout.DAEMON_REQUESTS} is missing or empty"


def with_marks(recording: Recording, problem_at: int, problem: str) -> Callable[[Manifest], Manifest]:
    """The marks of auditd with readings, and one of them with a problem."""

    def edit(manifest: Manifest) -> Manifest:
        sensors = []
        for sensor in manifest.sensors:
            marks = [
                mark.model_copy(update={"readings": {"lost": 0}, "problems": [problem] if place == problem_at else []})
                for place, mark in enumerate(sensor.marks)
            ]
            sensors.append(sensor.model_copy(update={"marks": marks}) if sensor.name == "auditd" else sensor)
        return manifest.model_copy(update={"sensors": sensors})

    return edit


@pytest.mark.parametrize(("problem_at", "unwell"), [(0, MAIN_JOB[:1]), (1, MAIN_JOB[:1]), (2, MAIN_JOB[1:2])])
def test_a_problem_at_a_mark_is_that_of_the_atomic_before_it(
    resealed: Resealed, committed: Recording, problem_at: int, unwell: list[str]
) -> None:
    found = resealed(manifest=with_marks(committed, problem_at, "a rule was removed"))
    assert [each for each in MAIN_JOB if problems(found, each, "auditd")] == unwell


def test_a_container_that_nobody_could_ask_about_is_the_sensor_s_loss_and_no_other_atomic_s(resealed: Resealed) -> None:
    def late(lines: list[str]) -> list[str]:
        events = [json.loads(line) for line in lines]
        first = next(each for each in events if each["inspect"])
        first["inspect"] = None
        return [json.dumps(each) + "\n" for each in events]

    found = resealed({layout.DAEMON_EVENTS: late})
    assert "ended before its configuration was read" in problems(found, EXECUTION, "docker_daemon")[0]
    assert problems(found, MAIN_JOB[1], "docker_daemon") == []


INSIDE = "livefire-canary-00000000000000c0"


def with_contained(recording: Recording, token: str | None) -> Callable[[Manifest], Manifest]:
    """Each mark of auditd with a canary in a container, of one token."""

    def edit(manifest: Manifest) -> Manifest:
        record = manifest.sensor("auditd")
        assert record is not None
        marks = [mark.model_copy(update={"contained": token}) for mark in record.marks]
        changed = record.model_copy(update={"marks": marks})
        return manifest.model_copy(
            update={"sensors": [changed if each.name == "auditd" else each for each in manifest.sensors]}
        )

    return edit


def executed(session: int, program: str = "/bin/true", token: str = INSIDE) -> Callable[[list[str]], list[str]]:
    """The audit log with one more event, in which a program is executed with a token."""
    head = "msg=audit(1795600000.000:99999999):"
    call = f"arch=c000003e syscall=59 success=yes exit=0 ppid=3 pid=4 auid=4294967295 uid=0 ses={session}"
    lines = [f"type=SYSCALL {head} {call}\n", f'type=EXECVE {head} argc=2 a0="{program}" a1="{token}"\n']
    return lambda log: [*log[:10], *lines, *log[10:]]


def test_a_canary_in_a_container_came_if_it_is_in_the_log(committed: Recording, resealed: Resealed) -> None:
    manifest = with_contained(committed, INSIDE)
    assert problems(resealed({layout.AUDIT_LOG: executed(4294967295)}, manifest), EXECUTION, "auditd") == []


@pytest.mark.parametrize("lost", ["all of it", "other program", "other token", "an attack's session"])
def test_a_canary_in_a_container_that_is_lost_is_auditd_s_loss(
    committed: Recording, resealed: Resealed, lost: str
) -> None:
    attack = committed.manifest.detonations[0].attack
    assert attack is not None
    assert attack.session is not None
    edits = {
        "all of it": lambda log: log,
        "other program": executed(4294967295, program="/bin/false"),
        "other token": executed(4294967295, token="livefire-canary-00000000000000c1"),
        "an attack's session": executed(attack.session),
    }
    recording = resealed({layout.AUDIT_LOG: edits[lost]}, with_contained(committed, INSIDE))
    for atomic in MAIN_JOB:
        found = [text for text in problems(recording, atomic, "auditd") if "missing before serial" not in text]
        assert found == [f"auditd: the canary in a container, {when} the attack, is not in the log" for when in WHEN]


WHEN = ("before", "after")


def test_where_no_canary_could_be_executed_in_a_container_only_what_used_one_is_lost(
    committed: Recording, resealed: Resealed
) -> None:
    recording = resealed({}, with_contained(committed, ""))
    found = problems(recording, EXECUTION, "auditd")
    assert found == [f"auditd: no canary could be executed in a container {when} the attack" for when in WHEN]
    assert problems(recording, SECRETS, "auditd") == []


PODS = layout.KUBE_PODS


def with_pods(manifest: Manifest) -> Manifest:
    """The same on a cluster that runs pods, which are watched."""
    record = manifest.sensor("kube_audit")
    assert record is not None
    assert manifest.lab.cluster is not None
    watched = record.model_copy(update={"files": [*record.files, PODS]})
    cluster = manifest.lab.cluster.model_copy(update={"kind": "kind"})
    return manifest.model_copy(
        update={
            "sensors": [watched if each.name == "kube_audit" else each for each in manifest.sensors],
            "lab": manifest.lab.model_copy(update={"cluster": cluster}),
        }
    )


def told_of_pods(manifest: Manifest) -> list[str]:
    """What the watch tells: of two pods, and of each canary."""
    record = manifest.sensor("kube_audit")
    assert record is not None
    pods = [{"name": name, "container_ids": [letter * 64]} for name, letter in (("coredns", "a"), ("target", "b"))]
    pods += [{"name": "canary", "container_ids": [], "canary": mark.token} for mark in record.marks]
    facts = {"time": 1795600000.5, "namespace": "web", "uid": "5f"}
    return [json.dumps(facts | pod) + "\n" for pod in pods]


def watched(recording: Recording, resealed: Resealed, change: Callable[[list[str]], list[str]]) -> list[str]:
    lines = change(told_of_pods(recording.manifest))
    return problems(resealed({PODS: lambda _: lines}, with_pods), SECRETS, "kube_audit")


def test_pods_that_are_told_of_whole_and_with_each_canary_are_well(committed: Recording, resealed: Resealed) -> None:
    assert watched(committed, resealed, lambda lines: lines) == []


@pytest.mark.parametrize(
    "harm",
    [
        stopped,
        lambda _: "{}\n",
        lambda _: "[1]\n",
        lambda _: "\0\n",
        lambda line: line.replace("a" * 64, "a" * 63),
        lambda line: line.replace('["', '"').replace('"]', '"'),
        lambda line: line.replace('"5f"', "5"),
        lambda line: line.replace("1795600000.5", '"then"'),
    ],
)
def test_a_damaged_line_of_pods_is_the_loss_of_kube_audit(
    committed: Recording, resealed: Resealed, harm: Callable[[str], str]
) -> None:
    found = watched(committed, resealed, lambda lines: [harm(lines[0]), *lines[1:]])
    assert found == [f"kube_audit: line 1 of {PODS} is damaged"]


def test_a_last_line_of_pods_that_was_cut_off_is_its_loss(committed: Recording, resealed: Resealed) -> None:
    found = watched(committed, resealed, lambda lines: [*lines, lines[0][:30]])
    assert len(found) == 1
    assert found[0].endswith(f" of {PODS} is damaged")


def test_a_gap_in_what_is_told_of_pods_is_its_loss(committed: Recording, resealed: Resealed) -> None:
    detonation = next(each for each in committed.manifest.detonations if each.atomic == SECRETS)
    record = committed.manifest.sensor("kube_audit")
    assert detonation.attack is not None
    assert record is not None
    after = next(mark.token for mark in record.marks if mark.emitted >= detonation.attack.finished)
    found = watched(committed, resealed, lambda lines: [line for line in lines if after not in line])
    assert found == [f"kube_audit: the canary after the attack did not come through in {PODS}"]
    ended = watched(committed, resealed, lambda lines: lines[:3])
    assert [text.rpartition(" ")[2] for text in ended] == [PODS] * len(ended)
    assert ended


def test_pods_of_which_nothing_is_told_are_its_loss(committed: Recording, resealed: Resealed) -> None:
    assert f"kube_audit: {PODS} is missing or empty" in watched(committed, resealed, lambda _: [])


@pytest.mark.parametrize(("kept", "well"), [(2, True), (1, False), (0, False)])
def test_pods_without_canaries_are_as_many_lines_as_were_written(
    committed: Recording, resealed: Resealed, kept: int, well: bool
) -> None:
    """As in another's cluster, where no pod is made that is nobody's attack."""

    def of_another(manifest: Manifest) -> Manifest:
        sensors = [
            each.model_copy(
                update={
                    "files": [layout.KUBE_AUDIT],
                    "after": each.after.model_copy(update={"readings": each.after.readings | {"pods": 2}}),
                }
            )
            if each.name == "kube_audit"
            else each
            for each in manifest.sensors
        ]
        return manifest.model_copy(update={"sensors": sensors})

    lines = told_of_pods(committed.manifest)[:2]
    found = problems(resealed({PODS: lambda _: lines[:kept]}, of_another), SECRETS, "kube_audit")
    assert found == ([] if well else [f"kube_audit: {PODS} is missing or incomplete"])


def test_its_loss_is_inconclusive_for_what_rests_on_it_alone(committed: Recording, resealed: Resealed) -> None:
    from harness.files.expectation_file import load_expectations
    from harness.judge.prove import prove

    lines = told_of_pods(committed.manifest)
    damaged = resealed({PODS: lambda _: [stopped(lines[0]), *lines[1:]]}, with_pods)
    results = {each.atomic: each for each in prove(damaged, load_expectations(EXPECTATIONS), from_raw=True).results}
    assert results[SECRETS].verdict is Verdict.INCONCLUSIVE
    assert PODS in results[SECRETS].reason


@pytest.mark.parametrize(
    "harm", [stopped, lambda _: "{}\n", lambda _: "7\n", lambda line: line.replace(": ", ": []", 1)]
)
def test_damaged_arrivals_are_every_sensor_s_loss(resealed: Resealed, harm: Callable[[str], str]) -> None:
    file = layout.ARRIVALS
    damaged = resealed({file: lambda lines: [*lines[:5], harm(lines[5]), *lines[6:]]})
    for sensor in ("auditd", "docker_daemon", "kube_audit"):
        assert problems(damaged, SECRETS, sensor) == [f"{sensor}: line 6 of {file} is damaged"]


@pytest.mark.parametrize(
    "harm",
    [
        lambda line: line.replace('"status": ', '"status": "x", "was": '),
        lambda line: line.replace('"sent": ', '"sent": "then", "was": '),
        lambda line: line.replace('"atomic"', '"whose"'),
    ],
)
def test_an_altered_request_is_the_docker_sensor_s_loss(resealed: Resealed, harm: Callable[[str], str]) -> None:
    file = layout.DAEMON_REQUESTS
    damaged = resealed({file: lambda lines: [*lines[:5], harm(lines[5]), *lines[6:]]})
    assert problems(damaged, EXECUTION, "docker_daemon") == [f"docker_daemon: line 6 of {file} is damaged"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda _: [], "is missing or empty"),
        (lambda lines: [lines[0], "{torn\n", *lines[1:]], "line 2 of"),
    ],
    ids=["emptied", "torn"],
)
def test_a_log_that_tells_whose_a_process_is_counts_for_what_reads_processes(
    resealed: Resealed, harm: Callable[[list[str]], list[str]], said: str
) -> None:
    """Whose a process in a container is tells who asked the daemon for it."""
    found = problems(resealed({layout.DAEMON_REQUESTS: harm}), EXECUTION, "auditd")
    assert len(found) == 1
    assert found[0].startswith("docker_daemon: ")
    assert said in found[0]
    assert found[0].endswith("and rows of auditd are attributed by it")


@pytest.mark.parametrize(
    ("sensor", "file"), [("docker_daemon", layout.DAEMON_EVENTS), ("kube_audit", layout.KUBE_AUDIT)]
)
def test_so_does_one_from_which_a_canary_is_gone_that_was_seen(resealed: Resealed, sensor: str, file: str) -> None:
    found = problems(resealed({file: lambda _: []}), EXECUTION, "auditd")
    assert found == [f"{sensor}: {file} is incomplete, and rows of auditd are attributed by it"]


def test_of_a_lab_without_docker_or_a_cluster_nothing_is_missed(resealed: Resealed) -> None:
    def alone(manifest: Manifest) -> Manifest:
        kept = [each for each in manifest.sensors if each.name == "auditd"]
        return manifest.model_copy(update={"sensors": kept})

    logs = [layout.DAEMON_REQUESTS, layout.DAEMON_EVENTS, layout.KUBE_AUDIT]
    assert problems(resealed(dict.fromkeys(logs, lambda _: []), alone), EXECUTION, "auditd") == []


def test_that_another_sensor_was_not_well_is_its_own_matter(resealed: Resealed) -> None:
    def deaf(manifest: Manifest) -> Manifest:
        marks = {
            each.name: [mark.model_copy(update={"seen": None}) for mark in each.marks] for each in manifest.sensors
        }
        changed = [
            each if each.name == "auditd" else each.model_copy(update={"marks": marks[each.name]})
            for each in manifest.sensors
        ]
        return manifest.model_copy(update={"sensors": changed})

    assert problems(resealed(manifest=deaf), EXECUTION, "auditd") == []
    assert problems(resealed(manifest=deaf), EXECUTION, "docker_daemon") != []


def without(key: str) -> Callable[[list[str]], list[str]]:
    def edit(lines: list[str]) -> list[str]:
        first = {name: value for name, value in json.loads(lines[0]).items() if name != key}
        return [json.dumps(first) + "\n", *lines[1:]]

    return edit


NOTED: dict[str, Any] = {"pid": 1, "started": None, "session": None, "above": [], "cgroup": ""}


def with_peers(lines: list[str]) -> list[str]:
    return [json.dumps(json.loads(line) | {"peer": NOTED}) + "\n" for line in lines]


def says(*recorded: str) -> Callable[[Manifest], Manifest]:
    return lambda manifest: manifest.model_copy(update={"recorded": list(recorded)})


def test_a_request_without_its_process_is_damage_where_a_capture_notes_each(resealed: Resealed) -> None:
    def notes(manifest: Manifest) -> Manifest:
        record = manifest.sensor("docker_daemon")
        assert record
        noted = record.model_copy(update={"files": [*record.files, layout.DAEMON_REQUESTS]})
        sensors = [noted if each is record else each for each in manifest.sensors]
        return says("peers")(manifest).model_copy(update={"sensors": sensors})

    def damage(recording: Recording) -> list[str]:
        return [each for each in problems(recording, EXECUTION, "docker_daemon") if "damaged" in each]

    assert damage(resealed({layout.DAEMON_REQUESTS: with_peers}, notes)) == []
    lacking: dict[str, Any] = {layout.DAEMON_REQUESTS: lambda lines: without("peer")(with_peers(lines))}
    said = f"docker_daemon: line 1 of {layout.DAEMON_REQUESTS} is damaged"
    assert damage(resealed(lacking, notes)) == [said]
    assert damage(resealed(lacking)) == []  # an older one


def test_a_list_of_processes_of_which_nothing_is_counted_is_damage_where_a_capture_counts_it(
    resealed: Resealed,
) -> None:
    found = problems(resealed(manifest=says("alive")), EXECUTION, "auditd")
    assert found == [f"auditd: the number of lines of {layout.ALIVE} was not noted"]


@pytest.mark.parametrize("sensor", ["auditd", "docker_daemon", "kube_audit"])
def test_a_mark_without_readings_is_damage_where_a_capture_reads_with_each(resealed: Resealed, sensor: str) -> None:
    def bare(manifest: Manifest) -> Manifest:
        marks = [
            each.model_copy(update={"marks": [mark.model_copy(update={"readings": {}}) for mark in each.marks]})
            for each in manifest.sensors
        ]
        return manifest.model_copy(update={"sensors": marks, "recorded": ["readings"]})

    said = f"{sensor}: a canary around the attack has no readings with it"
    assert said in problems(resealed(manifest=bare), EXECUTION, sensor)


@pytest.mark.parametrize("kept", [(), ("before",), ("after",), ("before", "after")])
def test_an_attack_has_canaries_in_its_session_where_a_capture_executes_some(
    committed: Recording, kept: tuple[Literal["before", "after"], ...]
) -> None:
    manifest = committed.manifest.model_copy(update={"recorded": ["readings"]})
    attack = manifest.detonations[0].attack
    assert attack is not None
    canaries = [Canary(when=when, name="sh", token=f"livefire-canary-{when}", pid=9) for when in kept]
    ran = manifest.detonations[0].model_copy(update={"attack": attack.model_copy(update={"canaries": canaries})})
    problems = Health.of(committed.sealed, manifest).around(ran, "auditd").problems
    for when in ("before", "after"):
        said = f"auditd: no canary was executed {when} the attack in its session"
        assert (said in problems) is (when not in kept)
