"""The options of the commands that need a lab, or this host. The docstring of each class is the help of its command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.option_groups import InLab, Judging
from harness.cli.options import (
    EXPECTATIONS,
    AsJson,
    AuditLogOption,
    ClusterOption,
    DockerOption,
    DryRun,
    EvasionsOption,
    ExpectationsOption,
    NodeImageOption,
    RecordingOption,
    Select,
)


@dataclass(frozen=True, kw_only=True)
class Run(InLab, Judging):
    """Detonate atomics in a lab, record what the sensors saw, and prove the rule.

    When a technique, a file or everything is selected, this includes the variants of the atomics that expectations
    mark with `evade`.
    """

    selectors: Select = None
    recording: RecordingOption = None
    evasions: EvasionsOption = None


@dataclass(frozen=True, kw_only=True)
class Evade(InLab, Judging):
    """Detonate every known variant of an atomic, and show which variants the rule misses."""

    selectors: Annotated[list[str], typer.Argument(metavar="ATOMIC", help="A technique, an atomic, a GUID, a path.")]
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Only variants of this family (repeatable).")
    ] = None
    recording: RecordingOption = None


@dataclass(frozen=True, kw_only=True)
class Capture(InLab):
    """Detonate and record, without judging: the first half of a run.

    Expectations are read only for their `evade` marks, which say whose variants to run.
    """

    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to record.")]
    selectors: Select = None
    evasions: EvasionsOption = None
    expectations: ExpectationsOption = EXPECTATIONS


@dataclass(frozen=True, kw_only=True)
class LabUp:
    """Start a lab and leave it running."""

    cluster: ClusterOption = "auto"
    docker: DockerOption = "auto"
    kube_audit_log: AuditLogOption = None
    node_image: NodeImageOption = None
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class LabDown:
    """Take the kept lab down."""

    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class LabPull:
    """Pull a node image for kind, pinned by digest, and keep it in the cache. Exit 3 where no registry answers."""

    node_image: NodeImageOption = None


@dataclass(frozen=True, kw_only=True)
class LabStatus:
    """Show which lab is up, and how to reach it."""

    json: AsJson = False


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Check what a live run needs. `livefire prove` needs none of it.

    Exit 3 if something is missing. Either kind or the bare control plane must be possible.
    """

    json: AsJson = False
    node_image: NodeImageOption = None


@dataclass(frozen=True, kw_only=True)
class Clean:
    """Undo everything that Livefire left behind, also after kill -9. Takes a kept lab down too."""

    dry_run: DryRun = False
