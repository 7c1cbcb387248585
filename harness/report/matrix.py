"""The evasion matrix for a terminal: a line for each variant, with the outcome under each rule."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.model.atomic_result import AtomicResult
from harness.model.result import Result
from harness.model.verdict import Verdict
from harness.report.fitting import folded
from harness.text import visible

_SHORT = {"auditd": "auditd", "docker_daemon": "docker", "kube_audit": "kube"}
_WIDTH = 80
_CELL = 12
_SENSORS = len("auditd docker")
_STYLES = {"fires": "green", "wrong flags": "yellow", "silent": "red"}


def print_matrix(result: Result, console: Console) -> None:
    """Print a table for each atomic that has variants."""
    for atomic in dict.fromkeys(row.variant.of for row in result.results if row.variant):
        variants = [row for row in result.results if row.variant and row.variant.of == atomic]
        console.print()
        console.print(Text(f"Variants of {visible(atomic)}", style="bold"))
        console.print(_table(variants, min(console.width, _WIDTH)))


def _table(results: list[AtomicResult], width: int) -> Table:
    """The table of an atomic's variants. Names are folded before: rich would break them within words."""
    rules = list(dict.fromkeys(result.rule for result in results))
    by_name: dict[str, dict[str, AtomicResult]] = {}
    for result in results:
        if result.variant:
            by_name.setdefault(f"{result.variant.family}.{result.variant.name}", {})[result.rule] = result
    titles = ["EFFECT", "SEEN BY", *(_folded(rule, _CELL) for rule in rules)]
    cells = [_cells(by_rule, rules) for by_rule in by_name.values()]
    left = width - sum(1 + max(map(_width, column)) for column in zip(titles, *cells, strict=True))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("VARIANT", *titles):
        table.add_column(Text(title), overflow="fold")
    for name, row in zip(by_name, cells, strict=True):
        table.add_row(Text(_folded(name, max(_CELL, left))), *(Text(cell, _STYLES.get(cell, "dim")) for cell in row))
    return table


def _cells(by_rule: dict[str, AtomicResult], rules: list[str]) -> list[str]:
    first = next(iter(by_rule.values()))
    return [_effect(first), _folded(_seen_by(first), _SENSORS), *(_outcome(by_rule.get(rule)) for rule in rules)]


def _folded(name: str, width: int) -> str:
    return "\n".join(folded(visible(name), width))


def _width(cell: str) -> int:
    return max(map(len, cell.split("\n")))


def _effect(result: AtomicResult) -> str:
    if result.verdict is Verdict.SKIPPED:
        return "skipped"
    if not result.executed.effect or result.variant is None:
        return "none"
    return result.variant.equivalence


def _seen_by(result: AtomicResult) -> str:
    return " ".join(_SHORT.get(name, name) for name in (result.variant.seen_by if result.variant else [])) or "-"


def _outcome(result: AtomicResult | None) -> str:
    if result is None or result.variant is None or not result.executed.effect:
        return "-"
    if not result.fired.actual:
        return "silent"
    return "fires" if result.variant.flags_right else "wrong flags"
