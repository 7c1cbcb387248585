"""Whether a rule's time window is as long as its `queryPeriod`: the same alerts just inside of it, none just beyond."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.kql.engine import QueryFailed
from harness.kql.workspace import Workspace
from harness.model.rule import Rule

_DEFAULT = timedelta(days=1)  # where a rule names no queryPeriod
_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True)
class Window:
    """The times at which a rule is run again; None where the rule itself does not keep to its period."""

    inside: datetime | None
    beyond: datetime | None

    def is_kept(self, rule: Rule, workspace: Workspace, slices: Iterable[str]) -> bool:
        """Whether a rule gives the same alerts at the end of the period, and none after it."""
        for slice_ in slices:
            if self.inside and not _same(rule, workspace, slice_, self.inside):
                return False
            if self.beyond and not _none(rule, workspace, slice_, self.beyond):
                return False
        return True


def window(rule: Rule, workspace: Workspace, slices: list[str], started: datetime, finished: datetime) -> Window:
    """The window that the rule itself keeps to, for a recording made between two times."""
    long = rule.metadata.queryPeriod or _DEFAULT
    inside, beyond = started + long - _MARGIN, finished + long + _MARGIN
    kept = inside > finished and all(_same(rule, workspace, slice_, inside) for slice_ in slices)
    ended = all(_none(rule, workspace, slice_, beyond) for slice_ in slices)
    return Window(inside if kept else None, beyond if ended else None)


def _same(rule: Rule, workspace: Workspace, slice_: str, now: datetime) -> bool:
    try:
        return workspace.query(rule.query, slice_, now) == workspace.query(rule.query, slice_)
    except QueryFailed:
        return False


def _none(rule: Rule, workspace: Workspace, slice_: str, now: datetime) -> bool:
    try:
        return not workspace.query(rule.query, slice_, now)
    except QueryFailed:
        return False
