"""The place, in the file of a rule or an expectation, of a query that did not run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from harness.errors import LimitMet, Position, RuleNotRunnable
from harness.kql.engine import QueryFailed
from harness.kql.explanation import explained
from harness.model.expectation import Expectation


@contextlib.contextmanager
def blaming(expectations: Sequence[Expectation], over: object) -> Iterator[None]:
    """Raise RuleNotRunnable or LimitMet, with its place, where a query of these expectations fails in the block.

    `over` names the queried data in the message.
    """
    try:
        yield
    except QueryFailed as error:
        explanation = explained(error.kql, error)
        at = place(error.kql, expectations, explanation.line, explanation.column)
        raise RuleNotRunnable(
            f"a query failed over {over}: {explanation.message}", at=at, hint=explanation.hint
        ) from None
    except LimitMet as error:
        raise placed(error, expectations) from None


@contextlib.contextmanager
def limited(expectations: Sequence[Expectation]) -> Iterator[None]:
    """Raise LimitMet, with its place, where a query of these expectations meets a limit in the block."""
    try:
        yield
    except LimitMet as error:
        raise placed(error, expectations) from None


def placed(error: LimitMet, expectations: Sequence[Expectation]) -> LimitMet:
    """The error, with the place of its query if it had none."""
    if error.at is None and error.kql:
        error.at = place(error.kql, expectations)
    return error


def place(kql: str, expectations: Sequence[Expectation], line: int = 0, column: int = 0) -> Position | None:
    """The place of a query, at this line and column of it where they are known.

    A query that is in none of the files was made from a rule and gets the place of the first rule. None without rules.
    """
    for expectation in expectations:
        if expectation.rule.query == kql:
            return expectation.rule.at(line or 1, column or 1)
        for key in ("oracle", "signals"):
            for number, signal in enumerate(getattr(expectation.entry, key)):
                where = (key, number, "kql")
                if signal.kql == kql:
                    return expectation.at_kql(where, line, column) if line else expectation.at(*where)
        for number, exclusion in enumerate(expectation.tuning):
            if kql.endswith(f"({exclusion.where})"):
                return expectation.source.at(("tuning", number, "where"))
    return expectations[0].rule.at(1, 1) if expectations else None
