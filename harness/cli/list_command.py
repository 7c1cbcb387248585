"""`livefire list`: the atomics, by the rules that they test."""

from __future__ import annotations

from rich.text import Text

from harness.cli.file_requests import ListAtomics
from harness.cli.options import EXPECTATIONS
from harness.files.catalog import find_atomics, find_expectations, select
from harness.files.documents import print_json
from harness.files.read_once import ReadOnce
from harness.model.atomic import Atomic
from harness.report.terminal import Terminal
from harness.text import visible


def list_atomics(request: ListAtomics) -> None:
    """`livefire list`. Raises InvalidFiles for mistakes, NothingSelected where no atomic is selected."""
    read = ReadOnce()
    chosen = select(find_atomics([request.atomics], read), request.selectors or [])
    named = request.expectations.exists() or request.expectations != EXPECTATIONS
    rules: dict[str, list[str]] = {}
    for expectation in find_expectations([request.expectations], read) if named else []:
        rules.setdefault(expectation.atomic, []).append(expectation.rule.id)
    if request.json:
        print_json([_facts(atomic, rules.get(atomic.id, [])) for atomic in chosen])
        return
    by_rules: dict[tuple[str, ...], list[str]] = {}
    for atomic in chosen:
        by_rules.setdefault(tuple(rules.get(atomic.id, ())), []).append(atomic.id)
    console = Terminal()
    for number, (names, atomics) in enumerate(by_rules.items()):
        head = visible(", ".join(names)) or "no rule"
        lines = ["", head, *(f"  {visible(atomic)}" for atomic in atomics)]
        console.print(Text("\n".join(lines[not number :])), soft_wrap=True)  # whole names can be copied


def _facts(atomic: Atomic, rules: list[str]) -> dict[str, object]:
    return {"atomic": atomic.id, "guid": atomic.guid, "name": atomic.name, "source": atomic.source, "rules": rules}
