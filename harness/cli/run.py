"""`livefire run`, `capture` and `prove`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness import session
from harness.capture.lab.choice import LabChoice, plan
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
    NodeImageOption,
    Select,
    TimeoutOption,
)
from harness.errors import NothingSelected
from harness.model.atomic import Atomic
from harness.model.catalog import find_atomics, find_expectations, select
from harness.model.expectation import SUFFIX, Expectation, load_expectations
from harness.model.result import Result
from harness.proof.lint import require
from harness.proof.prove import prove as prove_recording
from harness.recording import open_recording
from harness.report.console import LiveConsole, print_result
from harness.report.html import write_html
from harness.report.junit import write_junit
from harness.report.result_json import write_json


def run(
    selectors: Select = None,
    cluster: ClusterOption = "auto",
    docker: DockerOption = "auto",
    recording: Annotated[Path | None, typer.Option("--recording", metavar="DIR", help="Where to record.")] = None,
    json: JsonOption = None,
    junit: JunitOption = None,
    html: HtmlOption = None,
    keep_lab: KeepLab = False,
    dry_run: DryRun = False,
    timeout: TimeoutOption = 120,
    kube_audit_log: AuditLogOption = None,
    node_image: NodeImageOption = None,
    atomics: AtomicsOption = ATOMICS,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """Detonate atomics in a lab, record what the sensors saw, and prove the rule."""
    chosen = select(find_atomics([atomics]), selectors or [])
    expected = _expected(expectations, chosen)
    options = session.CaptureOptions(LabChoice(cluster, docker, kube_audit_log, node_image), keep_lab, timeout)
    if dry_run:
        _show_plan(chosen, options)
        return
    require(expected)  # a mistake is said before anything is started
    with LiveConsole(Console(stderr=True)) as live:
        taken = session.capture(chosen, options, recording or session.default_folder(), live)
        result = prove_recording(taken, expected, subscriber=live, live=True)
    _report([result], json, junit, html)


def capture(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to record.")],
    selectors: Select = None,
    cluster: ClusterOption = "auto",
    docker: DockerOption = "auto",
    keep_lab: KeepLab = False,
    dry_run: DryRun = False,
    timeout: TimeoutOption = 120,
    kube_audit_log: AuditLogOption = None,
    node_image: NodeImageOption = None,
    atomics: AtomicsOption = ATOMICS,
) -> None:
    """The first half: detonate and record, judge nothing."""
    chosen = select(find_atomics([atomics]), selectors or [])
    options = session.CaptureOptions(LabChoice(cluster, docker, kube_audit_log, node_image), keep_lab, timeout)
    if dry_run:
        _show_plan(chosen, options)
        return
    with LiveConsole(Console(stderr=True)) as live:
        session.capture(chosen, options, output, live)


def prove(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings to judge.", metavar="RECORDING...")],
    rule: Annotated[
        list[Path] | None,
        typer.Option("--rule", metavar="F", help="Judge this version of a rule by the expectations of its namesake."),
    ] = None,
    from_raw: Annotated[bool, typer.Option("--from-raw", help="Rebuild the tables from the raw logs.")] = False,
    json: JsonOption = None,
    junit: JunitOption = None,
    html: HtmlOption = None,
    expectations: ExpectationsOption = EXPECTATIONS,
) -> None:
    """The second half: judge recordings. Needs no root, no Docker, no cluster and no network."""
    expected = find_expectations([expectations])
    if rule:
        expected = [e for path in rule for e in _for_rule(path, expected)]
    results = []
    for path in recordings:
        results.append(prove_recording(open_recording(path), expected, from_raw=from_raw))
    _report(results, json, junit, html)


def _expected(folder: Path, chosen: list[Atomic]) -> list[Expectation]:
    names = {atomic.id for atomic in chosen}
    expected = [e for e in find_expectations([folder]) if e.atomic in names]
    if not expected:
        raise NothingSelected(
            "no expectation names any of the selected atomics", hint="`livefire capture` records without judging."
        )
    return expected


def _for_rule(path: Path, expected: list[Expectation]) -> list[Expectation]:
    """The expectations of the rule that has this file's name, for this file."""
    beside = path.with_name(f"{path.stem}{SUFFIX}")
    sources = {e.source.path for e in expected if e.rule.id == path.stem} or ({beside} if beside.exists() else set())
    if not sources:
        known = ", ".join(sorted({e.rule.id for e in expected}))
        raise NothingSelected(f"no expectations for a rule named '{path.stem}'", hint=f"Known rules: {known}.")
    return [e for source in sorted(sources) for e in load_expectations(source, path)]


def _show_plan(atomics: list[Atomic], options: session.CaptureOptions) -> None:
    console = Console(highlight=False, soft_wrap=True)
    lines = plan(options.choice)
    for atomic in atomics:
        lines.append(f"{atomic.id}:")
        commands = [("prerequisite", d.prereq_command) for d in atomic.test.dependencies]
        commands += [("attack", atomic.executor.command), ("cleanup", atomic.executor.cleanup_command or "")]
        lines += [f"  {role:13} {atomic.substitute(text).strip()}" for role, text in commands if text.strip()]
    for line in lines:
        console.print(line, markup=False)


def _report(results: list[Result], json: str | None, junit: Path | None, html: Path | None) -> None:
    """Write what was asked for, print the table unless standard output is taken, and set the exit code."""
    if json:
        write_json(results, json)
    if junit:
        write_junit(results, junit)
    if html:
        write_html(results, html)
    console = Console(stderr=json == "-", highlight=False)
    for result in results:
        print_result(result, console)
    sys.exit(max((int(result.exit_code) for result in results), key=_severity))


def _severity(code: int) -> int:
    """Of several exit codes the worst: unmet before inconclusive, anything before success."""
    return {0: 0, 4: 1, 1: 2}.get(code, 3)
