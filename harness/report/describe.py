"""A result in words: the lines that explain a verdict, for the terminal, JUnit and pytest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.model.atomic_result import Alert, AtomicResult
from harness.model.observed import Evidence
from harness.model.result import Ambiguous, Result
from harness.model.rule_figures import RuleProof
from harness.recording import no_capture
from harness.text import visible, visible_lines

_COMMAND_LINES = 12
_TIMES = ("TimeGenerated", "Timestamp")


def details(result: AtomicResult) -> list[str]:
    """The lines that show which layer failed, safe to print."""
    lines = [f"{result.verdict}  {result.atomic}", f"  {visible(result.reason)}", f"  expected at {result.at}"]
    if result.executed.command.strip():
        session = "" if result.executed.session is None else f", audit session {result.executed.session}"
        first, *more = visible_lines(result.executed.command, _COMMAND_LINES)
        lines += [f"  ran: {first}", *(f"       {line}" for line in more)]
        lines.append(f"       pid {result.executed.pid}{session}, exit code {result.executed.exit_code}")
        if pids := ", ".join(map(str, result.executed.survivors)):
            lines.append(f"       outlived its shell, and was ended: pid {pids}")
    for seen in [*result.executed.oracle, *result.signals]:
        where = f"  {seen.evidence[0].record}" if seen.evidence else ""
        lines.append(f"  {'seen' if seen.seen else 'MISSING':7}  {seen.sensor}: {visible(seen.name)}{where}")
    for health in result.health:
        lines += [f"  PROBLEM  {visible(problem)}" for problem in health.problems]
    lines += _fired(result)
    return lines


def unproven(proof: RuleProof) -> str:
    """Why a rule is not proven, which its verdicts alone don't show."""
    return f"UNPROVEN RULE  {visible(proof.rule)}: {proof.reason}"


def _fired(result: AtomicResult) -> list[str]:
    lines = []
    for name, flag in result.flags.items():
        if result.fired.actual and flag.actual is not flag.expected:
            actual = "not there" if flag.actual is None else str(flag.actual).lower()
            lines.append(f"  flag     {name}: expected {str(flag.expected).lower()}, actual {actual}")
        elif result.fired.actual and flag.reserve:
            lines.append(f"  flag     {name}: {visible(flag.reserve)}")
    near = result.near_miss
    if near:
        lines.append(f"  silent   {near.at}")
        lines.append(f"           rejected by: {visible(near.predicate)}")
        lines += [
            f"           {name} = {visible(json.dumps(str(value), ensure_ascii=False))}"
            for name, value in near.values.items()
        ]
        if near.evidence:
            lines.append(f"           closest row: {_where(near.evidence)}")
    lines += [line for alert in result.alerts for line in alert_lines(alert)] if not result.verdict.as_expected else []
    return lines


def alert_lines(alert: Alert) -> list[str]:
    """The lines of an alert: its command line, its true flags, and its evidence."""
    row = alert.row
    subject = row.get("ProcessCommandLine") or row.get("CommandLine") or row.get("RequestUri") or _words(row)
    flags = ", ".join(name for name, value in row.items() if value is True) or "no flag"
    where = f"  {_where(alert.evidence[0])}" if alert.evidence else ""
    return [f"  alert    {visible(subject)}", f"           {flags}{where}"]


def _words(row: dict[str, Any]) -> str:
    """The text columns of a row without a known main column."""
    return " · ".join(value for name, value in row.items() if isinstance(value, str) and value and name not in _TIMES)


def _where(evidence: Evidence) -> str:
    pid = evidence.facts.get("ProcessId")
    return f"{evidence.record}" + (f", pid {pid}" if pid else "")


def tables_read(result: Result) -> str:
    """Which tables were judged, safe to print; empty for results of older versions, which don't record it."""
    source = _tables(result)
    if not result.copy_of:
        return source
    copied = no_capture(visible(result.copy_of))
    return f"{copied}; {source}" if source else copied


def _tables(result: Result) -> str:
    if result.tables_from == "stored tables":
        return "tables as stored: hashes and counts are those of their build from the raw logs"
    if not result.tables:
        return ""
    differing = f"; otherwise stored: {', '.join(result.tables_differ)}" if result.tables_differ else ""
    return f"tables rebuilt from the raw logs: {visible(result.tables + differing)}"


def ambiguous_lines(ambiguous: Ambiguous) -> Iterator[str]:
    """The ambiguous rows: how many there are, and the alerts of the rules on them."""
    tables = ", ".join(f"{count} in {table}" for table, count in ambiguous.rows.items())
    yield f"AMBIGUOUS  rows that can't be attributed, without credit: {tables}"
    for rule, alerts in ambiguous.alerts.items():
        for alert in alerts:
            yield f"  {rule} fires on one:"
            yield from alert_lines(alert)
