"""The evasion matrix as a heat map: variants by family down, atomics across, the rules side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.model.atomic_result import AtomicResult
from harness.model.verdict import Verdict
from harness.report.html.subject import Subject


@dataclass(frozen=True)
class Kind:
    """The outcome of a variant under a rule. `key` names its colours; `sign` says the same without colour."""

    key: str
    sign: str
    words: str


DETECTED = Kind("detected", "✓", "detected, right flags")
WRONG_FLAGS = Kind("wrong", "F", "detected, wrong flags")
MISSED = Kind("missed", "M", "missed")
DIFFERENT = Kind("different", "≠", "does something else")
NOT_EXECUTED = Kind("idle", "-", "not executed")
UNKNOWN = Kind("unknown", "?", "inconclusive")
KINDS = (DETECTED, WRONG_FLAGS, MISSED, DIFFERENT, NOT_EXECUTED, UNKNOWN)


@dataclass(frozen=True)
class Cell:
    """One variant of one atomic under one rule."""

    kind: Kind
    anchor: str
    held_out: bool
    as_expected: bool

    @property
    def words(self) -> str:
        """The content of the cell in words."""
        held_out = ", held out" if self.held_out else ""
        return f"{self.kind.words}{held_out}{'' if self.as_expected else ', not as expected'}"


Column = tuple[str, str]  # a rule, and an atomic that has variants


@dataclass
class HeatMap:
    """`cells[family][name][column]` are the cells of a variant: one, unless two rules have the same name."""

    columns: dict[Column, None] = field(default_factory=dict)
    cells: dict[str, dict[str, dict[Column, list[Cell]]]] = field(default_factory=dict)

    @property
    def rules(self) -> dict[str, list[str]]:
        """The atomics of each rule."""
        atomics: dict[str, list[str]] = {}
        for rule, atomic in self.ordered:
            atomics.setdefault(rule, []).append(atomic)
        return atomics

    @property
    def ordered(self) -> list[Column]:
        """The columns, those of a rule side by side."""
        rules = list(dict.fromkeys(rule for rule, _ in self.columns))
        return sorted(self.columns, key=lambda column: rules.index(column[0]))

    def counts(self, rule: str) -> list[tuple[Kind, int]]:
        """How many variants of each kind a rule has."""
        of_rule = [
            cell
            for rows in self.cells.values()
            for row in rows.values()
            for column, cells in row.items()
            if column[0] == rule
            for cell in cells
        ]
        counted = Counter(cell.kind.key for cell in of_rule)
        return [(kind, counted[kind.key]) for kind in KINDS if counted[kind.key]]


def heat_map(subjects: Sequence[Subject]) -> HeatMap:
    """The heat map of all variants among the subjects; without columns where there are none."""
    heat = HeatMap()
    for subject in subjects:
        for row in subject.rows:
            variant = row.result.variant
            if variant:
                column = (row.result.rule, variant.of)
                heat.columns[column] = None
                cells = heat.cells.setdefault(variant.family, {}).setdefault(variant.name, {})
                expected = row.result.verdict.as_expected or row.result.verdict is Verdict.SKIPPED
                cell = Cell(kind_of(row.result), subject.anchor, variant.held_out, expected)
                cells.setdefault(column, []).append(cell)
    return heat


def kind_of(result: AtomicResult) -> Kind:
    """The outcome of a variant; UNKNOWN for one that could not be compared, or whose sensors were not healthy."""
    variant = result.variant
    if variant is None or result.verdict is Verdict.INCONCLUSIVE:
        return UNKNOWN
    if result.executed.effect and variant.equivalence == "different":
        return DIFFERENT
    if not result.executed.effect or result.verdict in (Verdict.NOT_EXECUTED, Verdict.SKIPPED):
        return NOT_EXECUTED
    if variant.equivalence == "unknown":
        return UNKNOWN
    if not result.fired.actual:
        return MISSED
    return DETECTED if variant.flags_right else WRONG_FLAGS
