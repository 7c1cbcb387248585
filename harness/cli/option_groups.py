"""Groups of options that several commands share: a request inherits its groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.cli.options import (
    ATOMICS,
    EXPECTATIONS,
    AtomicsOption,
    AuditLogOption,
    ClusterOption,
    DockerOption,
    DryRun,
    ExpectationsOption,
    HtmlOption,
    JsonOption,
    JunitOption,
    KeepLab,
    MarkdownOption,
    NavigatorOption,
    NodeImageOption,
    QueryMemoryOption,
    QueryTimeoutOption,
    RepeatOption,
    RequireAll,
    TimeoutOption,
    WaitOption,
)
from harness.kql.limits import MEMORY, TIME, Limits, limits_of

# The order of shared options in a help: those that are used often first. A request's own options come before them.
_ORDER = (
    "cluster docker recording repeat json junit html navigator markdown sarif matrix keep_lab evasions dry_run timeout "
    "wait require_all query_timeout query_memory kube_audit_log node_image atomics expectations"
)


@dataclass(frozen=True, kw_only=True)
class OptionGroup:
    """The base of all groups. `order` is the order of their options in a help."""

    order: ClassVar[tuple[str, ...]] = tuple(_ORDER.split())


@dataclass(frozen=True, kw_only=True)
class QueryLimits(OptionGroup):
    """The limits of one query."""

    query_timeout: QueryTimeoutOption = TIME
    query_memory: QueryMemoryOption = MEMORY

    @property
    def limits(self) -> Limits:
        """The limits, parsed. Raises InvalidInput."""
        return limits_of(self.query_timeout, self.query_memory)


@dataclass(frozen=True, kw_only=True)
class Judging(QueryLimits):
    """Which expectations are judged, and where the results go."""

    json: JsonOption = None
    junit: JunitOption = None
    html: HtmlOption = None
    navigator: NavigatorOption = None
    markdown: MarkdownOption = None
    require_all: RequireAll = False
    expectations: ExpectationsOption = EXPECTATIONS


@dataclass(frozen=True, kw_only=True)
class InLab(OptionGroup):
    """What is detonated, in which lab, and how."""

    cluster: ClusterOption = "auto"
    docker: DockerOption = "auto"
    kube_audit_log: AuditLogOption = None
    node_image: NodeImageOption = None
    keep_lab: KeepLab = False
    repeat: RepeatOption = 1
    timeout: TimeoutOption = 120
    wait: WaitOption = 0
    dry_run: DryRun = False
    atomics: AtomicsOption = ATOMICS
