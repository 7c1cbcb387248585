"""Folding the needles of one `has_any` into one regular expression.

`duckdb-kql` translates each needle into a regular expression of its own, and compiling one costs about five
milliseconds, at each execution. An alternation of all needles with the same edges costs as much as one.
"""

from __future__ import annotations

import re

_TERM = re.compile(
    r"""regexp_matches\(
        (?P<subject>"[^"]+"|coalesce\("[^"]+"(?:\ ->>\ '\$')?,\ ''\)),[ ]
        '(?P<before>\(\?i\)(?:\(\?:\^\|\[\^\\pL\\pN\]\))?)'[ ]\|\|[ ]
        regexp_escape\('(?P<needle>(?:[^']|'')*)'\)
        (?:\ \|\|\ '(?P<after>\(\?:\$\|\[\^\\pL\\pN\]\))')?
    \)""",
    re.VERBOSE,
)
_OR = " OR "


def fold(sql: str) -> str:
    """The same SQL with each chain `regexp_matches(…) OR regexp_matches(…)` over one subject folded.

    What does not look exactly as expected is left as it is.
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
    """The needle as an RE2 literal: every ASCII character that is no letter or digit gets a backslash."""
    return "".join(f"\\{c}" if c.isascii() and not c.isalnum() and c != "_" else c for c in needle)
