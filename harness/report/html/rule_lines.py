"""The lines of a rule that explain a failure: the predicate that rejected a row, or what sets a wrong flag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import LivefireError
from harness.files.read_once import Read
from harness.files.rule_file import rule_in
from harness.judge.near_miss import predicates
from harness.kql.engine import QueryFailed
from harness.kql.tree import kind, parse, span, walk
from harness.model.atomic_result import AtomicResult
from harness.model.rule import Rule
from harness.model.rule_figures import RuleFacts

_AROUND = 2
_LET_LINES = 40
_PLACE = re.compile(r"(?P<file>.+):(?P<line>[1-9][0-9]{0,8}):(?P<column>[0-9]{1,9})")
_LET = re.compile(r"let\s+(\w+)\s*=")

Span = tuple[int, int]  # where a part of the query begins and ends (exclusive), in characters


@dataclass(frozen=True)
class RuleLine:
    """A line of the rule. `marked`: it is part of the reason. `gap`: lines before it are left out."""

    number: int
    text: str
    marked: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Lines of a rule, numbered as in `file`; where that is empty, as in the query."""

    lines: list[RuleLine] = field(default_factory=list)
    file: str = ""


class RuleTexts:
    """The rules that were judged: their queries in the result, and their files if these are unchanged."""

    def __init__(self, rules: Mapping[str, RuleFacts], read: Read) -> None:
        self._rules, self._read = rules, read
        self._files: dict[tuple[Path, str], Rule | None] = {}

    def query(self, result: AtomicResult) -> str:
        """The query that was judged; empty where the result does not hold it and no file has exactly that query."""
        facts, file = self._rules.get(result.inputs.rule), self._file(result)
        return facts.query if facts else file.query if file else ""

    def around(self, result: AtomicResult) -> Excerpt:
        """The lines around the near miss, and the `let` statements that its predicate names."""
        query, near = self.query(result), result.near_miss
        match = _PLACE.fullmatch(near.at) if near else None
        if not query or near is None:
            return Excerpt()
        try:
            spans = [(p.offset, p.offset + len(p.text)) for p in predicates(query) if p.text == near.predicate]
        except QueryFailed:
            return Excerpt()
        file, first = self._place(result)
        if match and not first and len(spans) == 1:
            file, first = match["file"], int(match["line"]) - query.count("\n", 0, spans[0][0])
        elif match and first:  # the query may hold the same predicate twice
            spans = [place for place in spans if query.count("\n", 0, place[0]) + first == int(match["line"])]
        return _excerpt(query, spans[:1], file, first)

    def of_flags(self, result: AtomicResult) -> Excerpt:
        """The lines that set the wrong flags, and the `let` statements that they name."""
        query = self.query(result)
        wrong = [name for name, flag in result.flags.items() if not flag.right] if result.fired.actual else []
        if not query or not wrong:
            return Excerpt()
        try:
            spans = [place for name in wrong for place in _set_at(query, name)]
        except QueryFailed:
            return Excerpt()
        return _excerpt(query, spans, *self._place(result))

    def _place(self, result: AtomicResult) -> tuple[str, int]:
        """The rule's file, and the line at which its query begins; ("", 0) where that is not known."""
        rule = self._file(result)
        first = rule.at(1, 1).line if rule else 0
        return (str(rule.path), first) if rule and rule.at(2, 1).line == first + 1 else ("", 0)

    def _file(self, result: AtomicResult) -> Rule | None:
        """The rule's file, by the near miss or beside the expectation; None where it holds another query."""
        places = [result.near_miss.at] if result.near_miss else []
        named = [Path(match["file"]) for at in places if (match := _PLACE.fullmatch(at))]
        if match := _PLACE.fullmatch(result.at):
            named.append(Path(match["file"]).parent / f"{result.rule}.yaml")
        for path in named:
            key = (path, result.inputs.rule)
            if key not in self._files:
                self._files[key] = _verified(*key, self._read)
            if rule := self._files[key]:
                return rule
        return None


def _set_at(query: str, flag: str) -> Iterator[Span]:
    """The places of `flag = …`, in an `extend` or wherever else a column is named."""
    for node in walk(parse(query)):
        if kind(node) == "NamedExpression":
            begin, end = span(node)
            if re.match(rf"{re.escape(flag)}\s*=(?![=~])", query[begin:end]):
                yield begin, end


def _lets(query: str, places: Iterable[Span]) -> Iterator[Span]:
    """The `let` statements that the text at these places names."""
    text = " ".join(query[begin:end] for begin, end in places)
    for node in walk(parse(query)):
        if kind(node) == "LetStatement":
            begin, end = span(node)
            let = _LET.match(query, begin)
            if let and re.search(rf"\b{let[1]}\b", text):
                yield begin, end


def _excerpt(query: str, places: list[Span], file: str, first: int) -> Excerpt:
    """The lines of these places and of the `let` statements that they name, all marked, and some lines around."""
    lines, marked, numbers = query.splitlines(), set[int](), set[int]()
    for begin, end in places:
        there = range(query.count("\n", 0, begin), query.count("\n", 0, end) + 1)
        marked.update(there)
        numbers.update(range(max(0, there[0] - _AROUND), min(len(lines), there[-1] + _AROUND + 1)))
    for begin, end in _lets(query, places) if places else ():
        there = range(query.count("\n", 0, begin), query.count("\n", 0, end) + 1)[:_LET_LINES]
        marked.update(there)
        numbers.update(there)
    ordered = sorted(number for number in numbers if number < len(lines))
    return Excerpt(
        [
            RuleLine(number + (first or 1), lines[number], number in marked, i > 0 and ordered[i - 1] != number - 1)
            for i, number in enumerate(ordered)
        ],
        file,
    )


def _verified(file: Path, digest: str, read: Read) -> Rule | None:
    """The rule in a file; None where it holds another query."""
    try:
        rule = rule_in(read(file))
        return rule if rule.digest == digest else None
    except (LivefireError, OSError, ValueError):
        return None
