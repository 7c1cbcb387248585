"""`livefire list` and `livefire lint`: what there is, and whether it is well made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from harness.cli.options import (
    ATOMICS,
    EXPECTATIONS,
    AsJson,
    AtomicsOption,
    ExpectationsOption,
    QueryMemoryOption,
    QueryTimeoutOption,
    SarifOption,
    Select,
    print_json,
)
from harness.errors import InvalidFiles, LivefireError, NothingSelected
from harness.evasion.variant_choice import check_pins
from harness.files.catalog import check_atomics_known, check_keys, find_atomics, find_expectations, find_rules, select
from harness.judge.labs import check_labs
from harness.judge.lint import check, check_rules
from harness.kql.limits import MEMORY, TIME, limits_of
from harness.report.sarif import of_mistakes, write_sarif
from harness.report.terminal import Terminal
from harness.text import visible


def list_atomics(
    selectors: Select = None,
    atomics: AtomicsOption = ATOMICS,
    expectations: ExpectationsOption = EXPECTATIONS,
    json: AsJson = False,
) -> None:
    """List the atomics, and the rules that expect something of them."""
    chosen = select(find_atomics([atomics]), selectors or [])
    rules: dict[str, list[str]] = {}
    for expectation in (
        find_expectations([expectations]) if expectations.exists() or expectations != EXPECTATIONS else []
    ):
        rules.setdefault(expectation.atomic, []).append(expectation.rule.id)
    console = Terminal()
    if json:
        print_json(
            [
                {"atomic": a.id, "guid": a.guid, "name": a.name, "source": a.source, "rules": rules.get(a.id, [])}
                for a in chosen
            ]
        )
        return
    by_rules: dict[tuple[str, ...], list[str]] = {}
    for atomic in chosen:
        by_rules.setdefault(tuple(rules.get(atomic.id, ())), []).append(atomic.id)
    for number, (names, found) in enumerate(by_rules.items()):
        lines = ["", visible(", ".join(names)) or "no rule expects anything of", *(f"  {visible(a)}" for a in found)]
        console.print(Text("\n".join(lines[not number :])), soft_wrap=True)  # whole names can be copied


def lint(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders. Default: atomics and expectations.", metavar="PATH"),
    ] = None,
    sarif: SarifOption = None,
    query_timeout: QueryTimeoutOption = TIME,
    query_memory: QueryMemoryOption = MEMORY,
) -> None:
    """Check atomics, rules and expectations: schema, KQL, flags. Prints each mistake with file:line:column."""
    limits = limits_of(query_timeout, query_memory)
    given = paths or [path for path in (ATOMICS, EXPECTATIONS) if path.exists()]
    problems: list[LivefireError] = []
    atomics, rules, expectations = [], [], []
    try:
        atomics = find_atomics(given)
    except LivefireError as error:
        problems.append(error)
    try:
        problems += check_keys(given)
        rules = find_rules(given)
    except LivefireError as error:
        problems.append(error)
    try:
        expectations = find_expectations(given)
        expected_of = {expectation.rule.path for expectation in expectations}
        problems += check_rules((rule for rule in rules if rule.path not in expected_of), limits)
        problems += check(expectations, limits=limits)
        if atomics:
            problems += check_atomics_known(expectations, atomics) + check_pins(expectations, atomics)
    except LivefireError as error:
        problems.append(error)
    for note in check_labs(expectations)[1]:
        Terminal(stderr=True).print(Text(f"note: {visible(note)}"), soft_wrap=True)
    problems = list({str(problem): problem for problem in problems}.values())  # each way of reading a file said it
    if sarif:
        write_sarif(of_mistakes(problems), sarif, "lint")
    if problems:
        raise InvalidFiles(problems)
    if not (atomics or rules or expectations):
        raise NothingSelected("there is nothing to check here", hint="Name files or folders.")
    counts = {"atomic": len(atomics), "rule": len(rules), "expectation": len(expectations)}
    found = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
    Terminal().print(f"{found}: no mistakes found")
