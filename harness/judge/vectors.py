"""Whether alert rows have the expected flag vectors, in any order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

from harness.model.atomic_result import Flag
from harness.model.expectation import Expectation

Vector = Mapping[str, bool]
Row = Mapping[str, Any]


def flags_of(
    expectation: Expectation, rows: Sequence[Row], grounds: Mapping[str, Mapping[str, bool]] | None = None
) -> dict[str, Flag]:
    """The flags, expected and actual. Each row must have exactly the flags of one expected vector.

    `grounds` hold, by flag and word, whether the rule sets the flag by that word alone.
    """
    vectors = expectation.entry.vectors
    if not rows:
        return {name: Flag(expected=value, actual=None) for name, value in (vectors[0] if vectors else {}).items()}
    return compared(paired(vectors, rows, counted=bool(expectation.rows)), grounds or {})


def paired(expected: Sequence[Vector], rows: Sequence[Row], *, counted: bool = True) -> list[tuple[Vector, Row]]:
    """Pairs of vectors and rows: equal ones first, then the most similar.

    With `counted`, each vector stands for one row, and what is left over on either side has no partner. Otherwise any
    number of rows may share a vector, and each vector needs a row.
    """
    pairs: list[tuple[Vector, Row]] = []
    vectors_left, rows_left = list(range(len(expected))), list(range(len(rows)))
    while vectors_left and rows_left:  # exact matches first: a perfect pairing has no others
        of, place = min(product(vectors_left, rows_left), key=lambda at: _distance(expected[at[0]], rows[at[1]]))
        pairs.append((expected[of], rows[place]))
        vectors_left.remove(of)
        rows_left.remove(place)
    if not counted and pairs:
        pairs += [(_nearest(rows[place], expected), rows[place]) for place in rows_left]
        pairs += [(expected[of], min(rows, key=partial(_distance, expected[of]))) for of in vectors_left]
    return pairs


def compared(pairs: Sequence[tuple[Vector, Row]], grounds: Mapping[str, Mapping[str, bool]]) -> dict[str, Flag]:
    """Each flag over all pairs, from the first pair that disagrees, else from the first pair."""
    flags: dict[str, Flag] = {}
    for name in pairs[0][0] if pairs else ():
        wrong = [pair for pair in pairs if pair[1].get(name) is not pair[0][name]]
        vector, row = (wrong or pairs)[0]
        value = row.get(name)
        actual = value if isinstance(value, bool) else None
        flags[name] = Flag(expected=vector[name], actual=actual, grounds=dict(grounds.get(name, {})))
    return flags


def _nearest(row: Row, vectors: Sequence[Vector]) -> Vector:
    return min(vectors, key=lambda vector: _distance(vector, row))


def _distance(vector: Vector, row: Row) -> int:
    return sum(row.get(name) is not value for name, value in vector.items())
