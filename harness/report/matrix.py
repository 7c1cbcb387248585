"""The evasion matrix for a terminal: a line for each variant, and what each rule makes of it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.model.result import AtomicResult, Result
from harness.model.verdict import Verdict
from harness.report.text import visible

_SHORT = {"auditd": "auditd", "docker_daemon": "docker", "kube_audit": "kube"}
_STYLES = {"fires": "green", "wrong flags": "yellow", "silent": "red"}


def print_matrix(result: Result, console: Console) -> None:
    """Print a table for each atomic that has variants."""
    for atomic in dict.fromkeys(each.variant.of for each in result.results if each.variant):
        found = [each for each in result.results if each.variant and each.variant.of == atomic]
        console.print()
        console.print(Text(f"Variants of {visible(atomic)}", style="bold"))
        console.print(_table(found))


def _table(results: list[AtomicResult]) -> Table:
    rules = list(dict.fromkeys(each.rule for each in results))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("VARIANT", overflow="fold")
    for title in ("EFFECT", "SEEN BY", *rules):
        table.add_column(title, overflow="fold", max_width=12)
    rows: dict[str, dict[str, AtomicResult]] = {}
    for each in results:
        if each.variant:
            rows.setdefault(f"{each.variant.family}.{each.variant.name}", {})[each.rule] = each
    for name, by_rule in rows.items():
        first = next(iter(by_rule.values()))
        cells = [_outcome(by_rule.get(rule)) for rule in rules]
        table.add_row(
            Text(visible(name)), _effect(first), _seen_by(first), *(Text(c, _STYLES.get(c, "dim")) for c in cells)
        )
    return table


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
