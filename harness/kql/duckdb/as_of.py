"""A query at many times over chosen rows, in one execution: each run of a scheduled rule sees its own rows.

The query becomes the right side of a lateral join. For each run its tables hold the rows visible to that run, and its
clock is the run's. So any query stays as it is (sort, summarize, join); DuckDB resolves the correlation and plans it
once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC
from typing import Any

from harness.kql.capabilities import Run
from harness.kql.duckdb.carrying import OWN, ROW
from harness.telemetry.schema import HIDDEN

NUMBER = f"{OWN}run_number"  # the column with the number of a row's run
_RUN, _SEEN = f"{OWN}run", f"{OWN}seen"
# Quoted text, quoted names, and the clock. Text in single quotes is kept.
_WORDS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$kqlnow\b")
_AT_ONCE = 20_000  # runs in one statement, to bound memory


def over_runs(sql: str, tables: Collection[str], all_rows: str) -> str:
    """The SQL that gives, for each run, its number and the rows of the query `sql`.

    `all_rows` is the name of a table with the rows of all slices, where `{}` is its KQL name. The parameters are the
    lists that `parameters` yields.
    """
    hidden = ", ".join([*HIDDEN, ROW])

    def replaced(match: re.Match[str]) -> str:
        word = match[0]
        if word.startswith("$"):
            return f'{_RUN}."clock"'
        if word.startswith('"') and word[1:-1] in tables:
            return (
                f'(SELECT {OWN}every.* EXCLUDE ({hidden}) FROM "{all_rows.format(word[1:-1])}" {OWN}every '
                f'JOIN {_SEEN} ON "{ROW}" = {_SEEN}."member" WHERE {_SEEN}."view" = {_RUN}."view")'
            )
        return word

    lateral = _WORDS.sub(replaced, sql)
    return (
        f"WITH {_RUN} AS MATERIALIZED (SELECT unnest(?::BIGINT[]) AS number, unnest(?::BIGINT[]) AS view, "
        f"unnest(?::TIMESTAMP[]) AS clock), "
        f"{_SEEN} AS MATERIALIZED (SELECT unnest(?::BIGINT[]) AS view, unnest(?::BIGINT[]) AS member) "
        f'SELECT {_RUN}."number" AS {NUMBER}, {OWN}given.* FROM {_RUN}, LATERAL ({lateral}) {OWN}given'
    )


def parameters(runs: Sequence[Run]) -> Iterator[list[list[Any]]]:
    """The lists for `over_runs`, for a limited number of runs at a time."""
    for start in range(0, len(runs), _AT_ONCE):
        some = runs[start : start + _AT_ONCE]
        views = {visible: number for number, visible in enumerate(dict.fromkeys(run.visible for run in some))}
        members = [(number, row) for visible, number in views.items() for row in visible]
        yield [
            list(range(start, start + len(some))),
            [views[run.visible] for run in some],
            [run.now.astimezone(UTC).replace(tzinfo=None) for run in some],
            [view for view, _ in members],
            [row for _, row in members],
        ]
