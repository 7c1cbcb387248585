"""Which queries work row by row, and how such a query carries the number of each row through to its output.

Such a query treats each row independently of the others, so it runs once for all slices. The parse tree shows it: each
node must be on a list of nodes known to be independent. Any other query runs slice by slice.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.kql.tree import children, inmost, is_token, kind, parse, span, walk
from harness.telemetry.schema import TABLES

OWN = "livefire_"  # names that begin like this are the engine's own
ROW = f"{OWN}row"  # the hidden column that is carried
EVERY = f"{OWN}every_{{}}"  # a table with the rows of all slices, and that column

_SCALAR = {
    *("NamedExpression", "NamedExpressionNameClause", "UnnamedExpression", "Expression", "ArgumentExpression"),
    *("PipeExpression", "BeforePipeExpression", "ParenthesizedExpression", "PrimaryExpression"),
    *("IdentifierName", "KeywordName", "IdentifierOrKeywordName", "IdentifierOrKeywordOrEscapedName"),
    *("IdentifierOrExtendedKeywordOrEscapedName", "NameReferenceWithDataScope", "SimpleNameReference"),
    *("LogicalOrExpression", "LogicalOrOperation", "LogicalAndExpression", "LogicalAndOperation"),
    *("EqualityExpression", "EqualsEqualityExpression", "ListEqualityExpression", "BetweenEqualityExpression"),
    *("RelationalExpression", "AdditiveExpression", "AdditiveOperation"),
    *("MultiplicativeExpression", "MultiplicativeOperation", "StringOperatorExpression"),
    *("StringBinaryOperatorExpression", "StringBinaryOperation", "StringBinaryOperator", "InvocationExpression"),
    *("FunctionCallOrPathPathExpression", "FunctionCallOrPathRoot", "FunctionCallOrPathOperation"),
    *("FunctionCallOrPathElementOperation", "FunctionCallOrPathPathOperation"),
    *("DotCompositeFunctionCallExpression", "FunctionCallExpression", "NamedFunctionCallExpression"),
    *("LiteralExpression", "UnsignedLiteralExpression", "SignedLiteralExpression", "DynamicLiteralExpression"),
    *("StringLiteralExpression", "LongLiteralExpression", "IntLiteralExpression", "RealLiteralExpression"),
    *("BooleanLiteralExpression", "TimeSpanLiteralExpression", "DateTimeLiteralExpression"),
    *("JsonValue", "JsonArray", "JsonString", "JsonNumber", "JsonBoolean", "JsonNull", "JsonLong", "JsonReal"),
    *("JsonObject", "JsonPair", "OrderedExpression", "SortOrdering", "SimpleOrWildcardedNameReference"),
}
# Functions of one row's values; none that see other rows (prev, row_number) or all columns (pack_all).
_FUNCTIONS = set(
    """abs ago array_concat array_index_of array_length array_slice bag_has_key bag_keys base64_decode_tostring bin case
    ceiling coalesce countof datetime_add datetime_diff datetime_part dayofweek endofday extract extract_all floor
    format_datetime hash_sha256 hourofday iff iif indexof isempty isnotempty isnotnull isnull max_of min_of not now
    pack_array parse_json parse_url replace_regex replace_string reverse round set_difference set_has_element
    set_intersect set_union split startofday strcat strcat_array strcat_delim strlen substring tobool todatetime
    todouble todynamic toint tolong tolower toreal tostring totimespan toupper
    trim trim_end trim_start url_decode""".split()
)
_UNION_OPTIONS = {"kind", "isfuzzy"}


class _NotRowByRow(Exception):
    pass


@dataclass(frozen=True)
class Carried:
    """A query with ROW in its output, and the tables that it reads. It reads the rows of all slices."""

    kql: str
    tables: frozenset[str]


def carry(kql: str, tables: Iterable[str]) -> Carried | None:
    """The query that carries ROW through; None for a query that is not known to work row by row.

    None also for a query that uses a name of the engine's own, so that it can't read ROW. Raises QueryFailed for a text
    that does not parse.
    """
    return _carry(kql, frozenset(tables))


@functools.lru_cache(maxsize=1024)  # parsing costs more than running, and a process may judge many recordings
def _carry(kql: str, tables: frozenset[str]) -> Carried | None:
    if OWN in kql.lower():
        return None
    carrier = _Carrier(tables)
    try:
        carrier.query(parse(kql))
    except _NotRowByRow:
        return None
    for start, stop, text in sorted(carrier.edits, reverse=True):
        kql = kql[:start] + text + kql[stop:]
    return Carried(kql, frozenset(carrier.read))


@functools.lru_cache(maxsize=1024)
def is_row_by_row(predicate: str, table: str) -> bool:
    """Whether a predicate needs only the values of its own row. Raises QueryFailed where it does not parse."""
    return carry(f"{table} | where {predicate}", [table, *TABLES]) is not None


class _Carrier:
    """Walks the tabular expressions of a query. Raises _NotRowByRow at the first node that is not listed."""

    def __init__(self, tables: frozenset[str]) -> None:
        self._tables = tables
        self._tabular_lets: set[str] = set()
        self.read: set[str] = set()
        self.edits: list[tuple[int, int, str]] = []

    def query(self, root: Any) -> None:
        for statement in children(inmost(root)):
            self._statement(statement)

    def _statement(self, statement: Any) -> None:
        if is_token(statement):
            return
        if kind(statement) != "Statement" or kind(statement.children[0]) != "LetStatement":
            self._tabular(statement)
            return
        declaration = inmost(statement)
        if kind(declaration) != "LetVariableDeclaration":
            raise _NotRowByRow
        name, value = declaration.children[1].getText(), declaration.children[3]
        if name in self._tables:
            raise _NotRowByRow
        try:
            self._scalar(value)
        except _NotRowByRow:
            self._tabular(value)
            self._tabular_lets.add(name)

    def _tabular(self, node: Any) -> None:
        node = inmost(node)
        match kind(node):
            case "PipeExpression":
                self._tabular(node.children[0])
                for operator in node.children[1:]:
                    self._operator(inmost(operator.children[1]))
            case "Query":  # exactly one statement
                self._statement(node.children[0])
            case "ParenthesizedExpression":
                self._tabular(node.children[1])
            case "UnionOperator":
                self._union(node)
            case "IdentifierName":
                self._table(node)
            case _:
                raise _NotRowByRow

    def _table(self, node: Any) -> None:
        name = node.getText()
        if name in self._tables:
            self.read.add(name)
            self.edits.append((*span(node), EVERY.format(name)))
        elif name not in self._tabular_lets:
            raise _NotRowByRow

    def _operator(self, node: Any) -> None:
        match kind(node):
            case "WhereOperator" | "ExtendOperator" | "ProjectAwayOperator" | "ProjectRenameOperator":
                pass
            case "ProjectOperator":
                self.edits.append((span(node)[1], span(node)[1], f", {ROW}"))
            case "SortOperator":  # equal rows stay in the order of the table
                self.edits.append((span(node)[1], span(node)[1], f", {ROW} asc"))
            case "UnionOperator":
                self._union(node)
                return
            case _:
                raise _NotRowByRow
        for child in children(node):
            self._scalar(child)

    def _union(self, node: Any) -> None:
        for child in node.children[1:]:
            if kind(child) == "UnionOperatorExpression":
                self._tabular(child)
            elif kind(child) == "RelaxedQueryOperatorParameter":
                if child.children[0].getText() not in _UNION_OPTIONS:
                    raise _NotRowByRow
            elif not is_token(child):
                raise _NotRowByRow

    def _scalar(self, root: Any) -> None:
        for node in walk(root):
            if is_token(node):
                continue
            if kind(node) not in _SCALAR:
                raise _NotRowByRow
            if kind(node) == "NamedFunctionCallExpression" and node.children[0].getText() not in _FUNCTIONS:
                raise _NotRowByRow
            if kind(node) == "IdentifierName" and node.getText() in self._tables | self._tabular_lets:
                raise _NotRowByRow
