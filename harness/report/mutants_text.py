"""The mutants of a rule: for a terminal those that live, with what would kill them; as JSON all of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from harness.files.documents import write_json_document
from harness.study.mutation import MutationReport
from harness.text import visible

_WIDTH = 60


def print_mutants(report: MutationReport, console: Console) -> None:
    """Print the live mutants, each with its place, and one line of figures."""
    for mutant in report.mutants:
        if mutant.status == "live":
            change = mutant.mutation
            console.print(Text(f"live  {change.operator}  {mutant.at}", style="bold yellow"), soft_wrap=True)
            console.print(visible(f"      {short(change.before)}  ->  {short(change.after) or '(nothing)'}"))
            console.print(visible(f"      needs {mutant.suggestion}"), soft_wrap=True)
    for mutant in report.mutants:
        if mutant.status == "invalid":
            place = f"{mutant.mutation.operator}  {mutant.at}"
            console.print(Text(f"invalid  {place}  (the engine can't run it)", style="dim"), soft_wrap=True)
    counts = Counter(mutant.status for mutant in report.mutants)
    told = " · ".join(
        f"{counts[status]} {status}" for status in ("killed", "live", "equivalent", "invalid") if counts[status]
    )
    figures = f"{len(report.mutants)} mutants · {told} · score {report.score:.2f}, by {report.cases} cases"
    console.print()
    console.print(f"{report.rule}: {figures}", soft_wrap=True)


def short(text: str, width: int = _WIDTH) -> str:
    """A part of a rule on one line, cut where it is longer than `width`."""
    text = " ".join(text.split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def document(report: MutationReport) -> dict[str, Any]:
    """The report as JSON: `schema, rule, cases, score, mutants[]`."""
    mutants = []
    for mutant in report.mutants:
        change = {k: v for k, v in asdict(mutant.mutation).items() if k not in ("query", "offset")}
        mutants.append(
            change
            | {
                "at": str(mutant.at),
                "status": mutant.status,
                "killed_by": mutant.killed_by,
                "suggestion": mutant.suggestion,
            }
        )
    head = {"schema": "livefire.mutation/1", "rule": report.rule, "cases": report.cases, "score": report.score}
    return head | {"mutants": mutants}


def write_mutants(report: MutationReport, target: str) -> None:
    """Write the report as JSON to a file, or to standard output for `-`."""
    write_json_document(json.dumps(document(report), indent=1), target)
