"""`livefire run`, `evade` and `capture`: what needs a lab."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from harness import session
from harness.cli.options import (
    ATOMICS,
    EXPECTATIONS,
    AtomicsOption,
    AuditLogOption,
    ClusterOption,
    DockerOption,
    DryRun,
    EvasionsOption,
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
    RecordingOption,
    RepeatOption,
    RequireAll,
    Select,
    TimeoutOption,
    WaitOption,
)
from harness.cli.outputs import Outputs
from harness.cli.repetitions import Repetitions
from harness.errors import NothingSelected
from harness.evasion.variant_choice import is_whole, with_all, with_controls, with_marked
from harness.files.catalog import Expected, find_atomics, find_expectations, find_expected, select
from harness.host.owned_folders import state_root
from harness.host.scratch import scratch
from harness.judge.lint import require
from harness.judge.prove import prove as prove_recording
from harness.judge.rule_proof import settled
from harness.judge.unjudged import unknown, without_expectations
from harness.kql.limits import MEMORY, TIME, Limits, limits_of
from harness.lab.lab_choice import LabChoice, plan
from harness.model.atomic import Atomic
from harness.model.expectation import Expectation
from harness.model.result import Result, Unjudged
from harness.recording import Recording
from harness.report.console import LiveConsole
from harness.report.terminal import Terminal


def run(
    selectors: Select = None,
    cluster: ClusterOption = "auto",
    docker: DockerOption = "auto",
    recording: RecordingOption = None,
    repeat: RepeatOption = 1,
    json: JsonOption = None,
    junit: JunitOption = None,
    html: HtmlOption = None,
    navigator: NavigatorOption = None,
    markdown: MarkdownOption = None,
    keep_lab: KeepLab = False,
    evasions: EvasionsOption = None,
    dry_run: DryRun = False,
    timeout: TimeoutOption = 120,
    wait: WaitOption = 0,
    require_all: RequireAll = False,
    query_timeout: QueryTimeoutOption = TIME,
    query_memory: QueryMemoryOption = MEMORY,
    kube_audit_log: AuditLogOption = None,
    node_image: NodeImageOption = None,
    atomics: AtomicsOption = ATOMICS,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """Detonate atomics in a lab, record what the sensors saw, and prove the rule.

    A technique, a file, or all there is brings the variants of the atomics that expectations mark with `evade`.
    """
    limits = limits_of(query_timeout, query_memory)
    known = find_atomics([atomics])
    chosen = select(known, selectors or [])
    found = find_expected([expectations])
    every = found.expectations
    chosen, expected = with_controls(chosen, _expected(every, chosen), known, every)
    if is_whole(chosen, selectors or []) if evasions is None else evasions:
        chosen = with_marked(chosen, expected)
    options = session.CaptureOptions(LabChoice(cluster, docker, kube_audit_log, node_image), keep_lab, timeout, wait)
    if dry_run:
        _show_plan(chosen, options)
        return
    outputs = Outputs(json, junit, html, navigator=navigator, markdown=markdown)
    judging = _Judging(expected, limits, outputs, _unjudged(found, known), require_all)
    _run(chosen, options, Repetitions(recording, repeat), judging)


def evade(
    selectors: Annotated[list[str], typer.Argument(metavar="ATOMIC", help="A technique, an atomic, a GUID, a path.")],
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Only variants of this family (repeatable).")
    ] = None,
    cluster: ClusterOption = "auto",
    docker: DockerOption = "auto",
    recording: RecordingOption = None,
    repeat: RepeatOption = 1,
    json: JsonOption = None,
    junit: JunitOption = None,
    html: HtmlOption = None,
    navigator: NavigatorOption = None,
    markdown: MarkdownOption = None,
    keep_lab: KeepLab = False,
    dry_run: DryRun = False,
    timeout: TimeoutOption = 120,
    wait: WaitOption = 0,
    require_all: RequireAll = False,
    query_timeout: QueryTimeoutOption = TIME,
    query_memory: QueryMemoryOption = MEMORY,
    kube_audit_log: AuditLogOption = None,
    node_image: NodeImageOption = None,
    atomics: AtomicsOption = ATOMICS,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """Do what an atomic does in every other way that is known, and see which of them the rule misses."""
    limits = limits_of(query_timeout, query_memory)
    known = find_atomics([atomics])
    base = select(known, selectors)
    found = find_expected([expectations])
    every = found.expectations
    controls, expected = with_controls(base, _expected(every, base), known, every)
    chosen = [*with_all(base, family or []), *controls[len(base) :]]
    options = session.CaptureOptions(LabChoice(cluster, docker, kube_audit_log, node_image), keep_lab, timeout, wait)
    if dry_run:
        _show_plan(chosen, options)
        return
    outputs = Outputs(json, junit, html, matrix=True, navigator=navigator, markdown=markdown)
    judging = _Judging(expected, limits, outputs, _unjudged(found, known), require_all)
    _run(chosen, options, Repetitions(recording, repeat), judging)


def capture(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to record.")],
    selectors: Select = None,
    cluster: ClusterOption = "auto",
    docker: DockerOption = "auto",
    repeat: RepeatOption = 1,
    keep_lab: KeepLab = False,
    evasions: EvasionsOption = None,
    dry_run: DryRun = False,
    timeout: TimeoutOption = 120,
    wait: WaitOption = 0,
    kube_audit_log: AuditLogOption = None,
    node_image: NodeImageOption = None,
    atomics: AtomicsOption = ATOMICS,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """The first half: detonate and record, judge nothing.

    Expectations only say whose variants belong to a whole run.
    """
    chosen = select(find_atomics([atomics]), selectors or [])
    if expectations.exists() and (is_whole(chosen, selectors or []) if evasions is None else evasions):
        chosen = with_marked(chosen, find_expectations([expectations]))
    options = session.CaptureOptions(LabChoice(cluster, docker, kube_audit_log, node_image), keep_lab, timeout, wait)
    if dry_run:
        _show_plan(chosen, options)
        return
    with LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):
        Repetitions(output, repeat).capture(chosen, options, live, lambda _: None)


@dataclass(frozen=True)
class _Judging:
    """How what was captured is judged. `unjudged` is what can't be, whatever is selected."""

    expected: list[Expectation]
    limits: Limits
    outputs: Outputs
    unjudged: Sequence[Unjudged]
    require_all: bool


def _run(chosen: list[Atomic], options: session.CaptureOptions, repetitions: Repetitions, judging: _Judging) -> None:
    judging.outputs.require_writable()  # a mistake is said before anything is started
    require(judging.expected, limits=judging.limits)
    results: list[Result] = []
    with LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):

        def judge(taken: Recording) -> None:
            found = prove_recording(taken, judging.expected, subscriber=live, live=True, limits=judging.limits)
            results.append(found)

        repetitions.capture(chosen, options, live, judge)
    judging.outputs.report(settled(results), judging.unjudged, require_all=judging.require_all)


def _unjudged(found: Expected, known: list[Atomic]) -> list[Unjudged]:
    """What can't be judged whatever is selected: rules without expectations, expectations without their atomic."""
    return [*without_expectations(found.rules_without), *unknown(found.expectations, [a.id for a in known])]


def _expected(every: list[Expectation], chosen: list[Atomic]) -> list[Expectation]:
    names = {atomic.id for atomic in chosen}
    expected = [e for e in every if e.atomic in names]
    if not expected:
        raise NothingSelected(
            "no expectation names any of the selected atomics", hint="`livefire capture` records without judging."
        )
    return expected


def _command(role: str, text: str) -> str:
    """Its further lines stand below the first."""
    return f"  {role:13} {textwrap.indent(text.strip(), ' ' * 16).lstrip()}"


def _show_plan(atomics: list[Atomic], options: session.CaptureOptions) -> None:
    console = Terminal(soft_wrap=True)
    lines = plan(options.choice)
    for atomic in atomics:
        lines.append(f"{atomic.id}:")
        commands = [("prerequisite", d.prereq_command) for d in atomic.test.dependencies]
        commands += [("attack", atomic.executor.command), ("cleanup", atomic.executor.cleanup_command or "")]
        lines += [_command(role, atomic.substitute(text)) for role, text in commands if text.strip()]
    for line in lines:
        console.print(Text(line))
