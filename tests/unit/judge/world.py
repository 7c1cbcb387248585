"""A small recording for tests of the judge: a few rows, sensors that are well, a rule that fires on `docker run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.files.expectation_file import load_expectations
from harness.judge.cases import Case
from harness.judge.health.container_use import ContainerUse
from harness.judge.health.health import Health
from harness.judge.judge import Judge
from harness.kql.engine import Row
from harness.kql.workspace import Workspace
from harness.model.atomic_result import AtomicResult
from harness.model.expectation import Companion, Expectation, Signal
from harness.model.manifest import Detonation, Execution
from harness.recording import open_recording
from harness.telemetry.schema import ARRIVED, RECORD
from tests.conftest import COMMITTED, EXPECTATIONS
from tests.unit.kql.workspaces import workspace_of

ENTRY = load_expectations(EXPECTATIONS)[0]
RECORDED = open_recording(COMMITTED)
WELL = Health.of(RECORDED.sealed, RECORDED.manifest)
FIRST = RECORDED.manifest.detonations[0]
assert FIRST.attack is not None
BEGIN = FIRST.attack.started.timestamp()

QUERY = """
  DeviceProcessEvents
  | where FileName == "docker"
  | where ProcessCommandLine has "run"
  | extend Root = ProcessCommandLine has "--privileged"
  | project FileName, ProcessCommandLine, Root
"""
STARTED = Signal(name="it started", kql='DockerDaemon_CL | where Action == "start"')
EXECUTED = Signal(name="docker was executed", kql='DeviceProcessEvents | where ProcessCommandLine has "run"')
LISTED = Signal(name="pods were listed", kql='AKSAudit | where Verb == "list"', cluster="nodes")
BARE = Signal(name="secrets were listed", kql='AKSAudit | where Verb == "get"', cluster="bare")


def process(line: str, place: str = "raw/auditd.log:7", after: float | None = 0.25, **more: Any) -> tuple[str, Row]:
    arrived = None if after is None else BEGIN + after
    row = {"FileName": line.split()[0], "ProcessCommandLine": line, RECORD: place, ARRIVED: arrived}
    return "DeviceProcessEvents", row | more


def event(action: str, after: float | None = 0.5, **more: Any) -> tuple[str, Row]:
    arrived = None if after is None else BEGIN + after
    row = {"Source": "event", "Action": action, RECORD: "raw/docker-events.jsonl:3", ARRIVED: arrived}
    return "DockerDaemon_CL", row | more


def request(verb: str) -> tuple[str, Row]:
    return "AKSAudit", {"Verb": verb, "Stage": "ResponseComplete", RECORD: "raw/kube-audit.jsonl:1"}


RUN = "docker run --privileged x"
USUAL = [process(RUN), process("docker ps", "raw/auditd.log:9"), event("start")]


def expecting(query: str = QUERY, companions: tuple[Companion, ...] = (), **entry: Any) -> Expectation:
    """An attack on which the rule fires once, with the flag Root."""
    usual: dict[str, Any] = {"atomic": "T1/a", "oracle": [STARTED], "signals": [EXECUTED], "rows": None}
    usual |= {"flags": {"Root": True}, "evade": False, "evasions": []}
    changed = ENTRY.entry.model_copy(update=usual | entry)
    return replace(ENTRY, rule=ENTRY.rule.with_query(query), entry=changed, companions=companions)


def detonated(atomic: str = "T1/a", **more: Any) -> Detonation:
    return FIRST.model_copy(update={"atomic": atomic} | more)


def attack(**more: Any) -> Execution:
    assert FIRST.attack is not None
    return FIRST.attack.model_copy(update=more)


@dataclass
class World:
    """A recording of these slices, with sensors that are well."""

    folder: Path
    health: Health = WELL
    live: bool = False
    workspace: Workspace | None = None

    def judge(
        self,
        expectation: Expectation,
        slices: dict[str, list[tuple[str, Row]]] | list[tuple[str, Row]] = USUAL,
        detonation: Detonation | None = None,
        oracle: Sequence[Signal] = (),
    ) -> AtomicResult:
        slices = slices if isinstance(slices, dict) else {"T1/a": slices}
        self.workspace = workspace_of(self.folder, slices)
        case = Case(expectation, detonation or detonated(), [{"Root": True}], oracle)
        return Judge(self.workspace, self.health, live=self.live).judge(case)

    def without(self, *sensors: str) -> None:
        """As if these had not been part of the lab."""
        kept = [each for each in self.health.manifest.sensors if each.name not in sensors]
        self.health = replace(self.health, manifest=self.health.manifest.model_copy(update={"sensors": kept}))

    def unknown_container(self, atomic: str) -> None:
        """As if a container of the atomic's had been gone before anybody asked what it may do."""
        self.health = replace(self.health, _use=ContainerUse({atomic: ["0" * 64]}))

    def also(self, *detonations: Detonation) -> None:
        changed = self.health.manifest.model_copy(update={"detonations": list(detonations)})
        self.health = replace(self.health, manifest=changed)
