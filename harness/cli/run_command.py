"""`livefire run`, `evade` and `capture`: the commands that detonate."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from harness import session
from harness.cli.live_requests import Capture, Evade, Run
from harness.cli.option_groups import InLab
from harness.cli.outputs import Outputs
from harness.cli.repetitions import Repetitions
from harness.errors import NothingSelected
from harness.evasion.variant_choice import is_whole, with_all, with_controls, with_marked
from harness.files.catalog import Expected, find_atomics, find_expectations, find_expected, select
from harness.files.read_once import ReadOnce
from harness.host.owned_folders import state_root
from harness.host.scratch import scratch
from harness.judge.lint import require
from harness.judge.prove import prove as prove_recording
from harness.judge.rule_proof import settled
from harness.judge.unjudged import unknown, without_expectations
from harness.lab.lab_choice import LabChoice, plan
from harness.model.atomic import Atomic
from harness.model.expectation import Expectation
from harness.model.result import Result, Unjudged
from harness.recording import Recording
from harness.report.live_console import LiveConsole
from harness.report.terminal import Terminal


def run(request: Run) -> None:
    """`livefire run`. Raises as session.capture and judge.prove do."""
    read = ReadOnce()
    known = find_atomics([request.atomics], read)
    chosen = select(known, request.selectors or [])
    expected_files = find_expected([request.expectations], read)
    every = expected_files.expectations
    chosen, expected = with_controls(chosen, _expected(every, chosen), known, every)
    if _with_variants(request, chosen):
        chosen = with_marked(chosen, expected)
    _run(chosen, request, _Judging(expected, _unjudged(expected_files, known)))


def evade(request: Evade) -> None:
    """`livefire evade`. Raises as `run` does."""
    read = ReadOnce()
    known = find_atomics([request.atomics], read)
    base = select(known, request.selectors)
    expected_files = find_expected([request.expectations], read)
    every = expected_files.expectations
    controls, expected = with_controls(base, _expected(every, base), known, every)
    chosen = [*with_all(base, request.family or []), *controls[len(base) :]]
    _run(chosen, request, _Judging(expected, _unjudged(expected_files, known)))


def capture(request: Capture) -> None:
    """`livefire capture`. Raises as session.capture does."""
    read = ReadOnce()
    chosen = select(find_atomics([request.atomics], read), request.selectors or [])
    if request.expectations.exists() and _with_variants(request, chosen):
        chosen = with_marked(chosen, find_expectations([request.expectations], read))
    if request.dry_run:
        _show_plan(chosen, _options(request))
        return
    with LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):
        Repetitions(request.output, request.repeat).capture(chosen, _options(request), live, lambda _: None)


def _with_variants(request: Run | Capture, chosen: list[Atomic]) -> bool:
    return is_whole(chosen, request.selectors or []) if request.evasions is None else request.evasions


def _options(request: InLab) -> session.CaptureOptions:
    choice = LabChoice(request.cluster, request.docker, request.kube_audit_log, request.node_image)
    return session.CaptureOptions(choice, request.keep_lab, request.timeout, request.wait)


@dataclass(frozen=True)
class _Judging:
    """The expectations to judge by, and what can't be judged whatever is selected."""

    expected: list[Expectation]
    unjudged: Sequence[Unjudged]


def _run(chosen: list[Atomic], request: Run | Evade, judging: _Judging) -> None:
    limits, options = request.limits, _options(request)
    if request.dry_run:
        _show_plan(chosen, options)
        return
    outputs = Outputs.of(request, matrix=isinstance(request, Evade))
    outputs.require_writable()  # report a mistake before anything is started
    require(judging.expected, limits=limits)
    results: list[Result] = []
    with LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):

        def judge(taken: Recording) -> None:
            results.append(prove_recording(taken, judging.expected, subscriber=live, live=True, limits=limits))

        Repetitions(request.recording, request.repeat).capture(chosen, options, live, judge)
    outputs.report(settled(results), judging.unjudged, require_all=request.require_all)


def _unjudged(expected: Expected, known: list[Atomic]) -> list[Unjudged]:
    """What can't be judged whatever is selected: rules without expectations, expectations without their atomic."""
    return [*without_expectations(expected.rules_without), *unknown(expected.expectations, [a.id for a in known])]


def _expected(every: list[Expectation], chosen: list[Atomic]) -> list[Expectation]:
    names = {atomic.id for atomic in chosen}
    expected = [e for e in every if e.atomic in names]
    if not expected:
        raise NothingSelected(
            "no expectation names any of the selected atomics", hint="`livefire capture` records without judging."
        )
    return expected


def _command(role: str, text: str) -> str:
    """A command with its role; further lines of it are aligned with the first."""
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
