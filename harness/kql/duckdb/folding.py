"""Makes the SQL of `duckdb-kql` cheap to plan, with the same answers.

In that SQL each needle of a `has_any` is a regular expression, once for a JSON column and once for a string, and
compiling one costs milliseconds at each execution. So, where a column's type is known, the branch for the other type is
dropped, and a switch over all types becomes the cast for that type. All needles with the same edges become one
alternation.
"""

from __future__ import annotations

import re

_TERM = re.compile(
    r"""regexp_matches\(
        (?P<subject>"[^"]+"|coalesce\((?:"[^"]+"(?:\ ->>\ '\$')?|\("[^"]+"\ ->>\ '\$'\)),\ ''\)),[ ]
        '(?P<before>\(\?i\)(?:\(\?:\^\|\[\^\\pL\\pN\]\))?)'[ ]\|\|[ ]
        regexp_escape\('(?P<needle>(?:[^']|'')*)'\)
        (?:\ \|\|\ '(?P<after>\(\?:\$\|\[\^\\pL\\pN\]\))')?
    \)""",
    re.VERBOSE,
)
_OR = " OR "


_JSON_BRANCH = re.compile(r"""CASE WHEN typeof\("(?P<column>[^"]+)"\) = 'JSON' THEN """)


def drop_json_branches(sql: str, strings: set[str]) -> str:
    """`CASE WHEN typeof("C") = 'JSON' THEN a ELSE b END` as `(b)`, for columns that are known to be strings.

    A column that the query itself defines may have any type, so it is not changed.
    """
    position = 0
    while match := _JSON_BRANCH.search(sql, position):
        column = match["column"]
        middle = _top_level(sql, match.end(), " ELSE ")
        end = _top_level(sql, middle + len(" ELSE "), " END") if middle >= 0 else -1
        if end < 0 or column not in strings or _is_made_anew(sql, column):
            position = match.end()
            continue
        kept = f"({sql[middle + len(' ELSE ') : end]})"
        sql = sql[: match.start()] + kept + sql[end + len(" END") :]
        position = match.start()
    return sql


_SWITCH = re.compile(r"""CASE typeof\("(?P<column>[^"]+)"\) WHEN 'JSON' THEN "(?P=column)" ->> '\$' WHEN """)
_SWITCH_END = 'ELSE CAST("{}" AS VARCHAR)'


def drop_switches(sql: str, strings: set[str], dynamics: set[str]) -> str:
    """`CASE typeof("C") WHEN 'JSON' THEN "C" ->> '$' … ELSE CAST("C" AS VARCHAR) END` as the one branch that is taken.

    For columns that are known to be strings or JSON; a column that the query itself defines is not changed.
    """
    position = 0
    while match := _SWITCH.search(sql, position):
        column = match["column"]
        end = _top_level(sql, match.end(), " END")
        complete = end >= 0 and sql[:end].endswith(_SWITCH_END.format(column))
        if not complete or column not in strings | dynamics or _is_made_anew(sql, column):
            position = match.end()
            continue
        taken = f"""("{column}" ->> '$')""" if column in dynamics else f'CAST("{column}" AS VARCHAR)'
        sql = sql[: match.start()] + taken + sql[end + len(" END") :]
        position = match.start()
    return sql


_NUMBER = r"CAST\(CAST\(-?0*[1-9][0-9]* AS BIGINT\) AS BIGINT\)"
_RANGE = re.compile(
    rf"SELECT UNNEST\(generate_series\((?P<bounds>(?:CAST|AS|BIGINT|[-+*0-9(), ])+, {_NUMBER})\)\)"
    r' AS (?P<name>"(?:[^"]|"")*")'
)


def stream_ranges(sql: str) -> str:
    """Each `range` over known numbers as a table function, with the same rows.

    An unnested list holds all its numbers in memory before it gives the first one, and DuckDB can't be interrupted
    meanwhile. A step of 0 is not changed: the list is empty, but the table function refuses it.
    """
    return _RANGE.sub(r"SELECT generate_series AS \g<name> FROM generate_series(\g<bounds>)", sql)


def _is_made_anew(sql: str, column: str) -> bool:
    name = re.escape(column)
    return re.search(rf'(?<!"{name}") AS "{name}"', sql) is not None  # `"C" AS "C"` does not change it


def _top_level(sql: str, start: int, word: str) -> int:
    """The next place of `word` outside of quotes, parentheses and inner CASE expressions; -1 where there is none."""
    depth, position = 0, start
    while position < len(sql):
        character = sql[position]
        if character in "'\"":
            position = sql.find(character, position + 1)
            if position < 0:
                return -1
        elif depth == 0 and sql.startswith(word, position):
            return position
        elif character == "(" or sql.startswith("CASE ", position):
            depth += 1
        elif character == ")" or sql.startswith(" END", position):
            depth -= 1
        position += 1
    return -1


def fold(sql: str) -> str:
    """The same SQL with each chain `regexp_matches(…) OR regexp_matches(…)` over one subject folded.

    SQL that does not look exactly as expected is not changed.
    """
    parts: list[str] = []
    position = 0
    while match := _TERM.search(sql, position):
        chain = [match]
        while sql.startswith(_OR, chain[-1].end()) and (following := _TERM.match(sql, chain[-1].end() + len(_OR))):
            chain.append(following)
        parts += [sql[position : match.start()], _fold_chain(chain)]
        position = chain[-1].end()
    return "".join(parts) + sql[position:]


def _fold_chain(chain: list[re.Match[str]]) -> str:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for term in chain:
        edges = (term["subject"], term["before"], term["after"] or "")
        groups.setdefault(edges, []).append(_escape(term["needle"].replace("''", "'")))
    folded = []
    for (subject, before, after), needles in groups.items():
        pattern = f"{before}(?:{'|'.join(needles)}){after}".replace("'", "''")
        folded.append(f"regexp_matches({subject}, '{pattern}')")
    return _OR.join(folded)


def _escape(needle: str) -> str:
    """The needle as an RE2 literal: every ASCII character except letters, digits and `_` gets a backslash."""
    return "".join(f"\\{c}" if c.isascii() and not c.isalnum() and c != "_" else c for c in needle)
