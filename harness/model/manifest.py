"""The manifest of a recording, `livefire.recording/1`: what was run, on what, and the health of the sensors."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from harness.model.variant import Variant

SCHEMA = "livefire.recording/1"
# The slice of what Livefire itself does: prerequisites, cleanup, canaries.
HARNESS = "harness"
# The slice of what belongs to no atomic and not to Livefire.
BACKGROUND = "background"


# What a capture of this version always writes: how many processes were there before, the process that sent each request
# to the daemon, and readings with each mark. A recording that names one of these and lacks it was damaged.
RECORDED = ["alive", "peers", "readings"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Host(_Record):
    """The machine, as `uname` reports it, and its boot id, since audit serials repeat across boots.

    `addresses` are its own IP addresses without loopback; recordings up to November 2026 have none.
    """

    hostname: str
    kernel: str
    machine: str
    boot_id: str
    addresses: list[str] = Field(default_factory=list)


class LabPart(_Record):
    """A part of the lab: `kind` is what was chosen (`managed`, `control-plane`, …) and `reason` says why."""

    kind: str
    name: str
    version: str
    reason: str
    node_image: str = ""


class LabFacts(_Record):
    """What the atomics ran against."""

    docker: LabPart | None
    cluster: LabPart | None
    image: str = ""
    runtime_shim: bool = False

    # What differs between labs when a recording is judged. No other module of the proof half knows the names of labs.

    @property
    def own_docker(self) -> bool:
        """Whether the Docker daemon was Livefire's own: it has gateways, and a log."""
        return self.docker is not None and self.docker.kind == "managed"

    @property
    def foreign_socket(self) -> str | None:
        """The socket of the host's own Docker daemon, which has no gateway; None where there was none."""
        return self.docker.name.removeprefix("unix://") if self.docker and self.docker.kind == "host" else None

    @property
    def has_nodes(self) -> bool:
        """Whether the cluster had nodes, on which pods run."""
        return self.cluster is not None and self.cluster.kind != "control-plane"

    @property
    def nodes_here(self) -> bool:
        """Whether the cluster's nodes were containers on the captured host, so that the sensors saw their pods."""
        return self.cluster is not None and self.cluster.kind == "kind"


class Mark(_Record):
    """A canary event: emitted by Livefire at `emitted`, seen in the sensor's output at `seen` (None: never).

    `readings` are those of the sensor at that moment, `problems` what was wrong since the mark before. Recordings up to
    November 2026 have neither. `contained` is the token of a canary that was executed in a container; empty where that
    failed, None where it was not asked for.
    """

    label: str
    token: str
    emitted: AwareDatetime
    seen: AwareDatetime | None
    readings: dict[str, str | int | bool | None] = Field(default_factory=dict)
    problems: list[str] = Field(default_factory=list)
    contained: str | None = None


class Check(_Record):
    """One check of a sensor: `ok`, and the readings behind it."""

    time: AwareDatetime
    ok: bool
    readings: dict[str, str | int | bool | None] = Field(default_factory=dict)
    problems: list[str] = Field(default_factory=list)


class SensorRecord(_Record):
    """One sensor over the whole capture. `files` are its files in the recording."""

    name: Literal["auditd", "docker_daemon", "kube_audit"]
    files: list[str]
    before: Check
    after: Check
    marks: list[Mark]
    notes: list[str] = Field(default_factory=list)


class Output(_Record):
    """How much a command printed. The text itself is not kept."""

    stdout_bytes: int
    stderr_bytes: int


class Canary(_Record):
    """A program with a token that was executed in an attack's own session, before or after the attack.

    `pid` is None where it was not executed, because the attack ended the parent of its shell.
    """

    when: Literal["before", "after"]
    name: str
    token: str
    pid: int | None


class Execution(_Record):
    """One shell that Livefire ran. `session` is its audit session; None where the kernel refused one.

    `given_up` says which part of the lab had died, where the shell waited for that part and was ended.
    `pid` is the shell that starts the command and its canaries.
    """

    role: Literal["attack", "prerequisite", "cleanup"]
    executor: str
    command: str
    pid: int
    session: int | None
    started: AwareDatetime
    finished: AwareDatetime
    exit_code: int | None
    timed_out: bool
    given_up: str = ""
    output: Output
    survivors: list[int] = Field(default_factory=list)
    canaries: list[Canary] = Field(default_factory=list)


class Detonation(_Record):
    """One atomic, detonated or skipped. `user` is the Kubernetes user that was made for it.

    `variant` is set where it does what another atomic does in another way. `lost` says that it was skipped because a
    part of the lab had died. That is no missing prerequisite, so nothing is known of the atomic.
    """

    atomic: str
    guid: str
    technique: str
    name: str
    skipped: str | None
    user: str | None
    attack: Execution | None
    others: list[Execution] = Field(default_factory=list)
    variant: Variant | None = None
    lost: bool = False

    @property
    def executed(self) -> bool:
        """Whether its commands were started. Only the oracle says whether they had an effect."""
        return self.attack is not None


class StoredTable(_Record):
    """A table as it was stored: the SHA-256 of its file, in hex, and how many rows each slice has."""

    sha256: str
    rows: dict[str, int]


class Derivation(_Record):
    """What the stored tables were made from, and what they were: hashes are SHA-256, in hex.

    `raw` maps each log to its hash. `facts` maps each atomic that was run (and Livefire itself, as `harness`) to the
    hash of what attribution takes from the manifest for it; `manifest` is the hash of everything that it takes. So a
    change of the logs or of the manifest shows, even if the recording was sealed anew.
    """

    raw: dict[str, str]
    manifest: str
    facts: dict[str, str]
    tables: dict[str, StoredTable]


class Manifest(_Record):
    """`manifest.json`. `files` maps each other file of the recording to its SHA-256, in hex.

    `tables` is the version of the code that built the tables, and `derivation` says from what. The first recordings
    have neither. `recorded` is what every capture of its version writes (see RECORDED); older recordings have none.
    `harness_containers` are the ids of containers in which Livefire executed canaries. For what may change see
    `files/document_versions.py`.
    """

    schema_: Literal["livefire.recording/1"] = Field(alias="schema", default="livefire.recording/1")
    run_id: str
    started: AwareDatetime
    finished: AwareDatetime
    host: Host
    versions: dict[str, str]
    lab: LabFacts
    attribution: Literal["audit-session", "process-tree"]
    harness_pid: int
    harness_users: list[str]
    harness_containers: list[str] = Field(default_factory=list)
    sensors: list[SensorRecord]
    detonations: list[Detonation]
    tables: int = 1
    derivation: Derivation | None = None
    recorded: list[str] = Field(default_factory=list)
    files: dict[str, str] = Field(default_factory=dict)

    def sensor(self, name: str) -> SensorRecord | None:
        """The record of the sensor called `name`."""
        return next((sensor for sensor in self.sensors if sensor.name == name), None)
