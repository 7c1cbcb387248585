"""The lines of a rule that let an atomic go: the predicate that rejected a row, or what sets a wrong flag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import LivefireError
from harness.files.rule_file import load_rule
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
    """A line of the rule; `marked` where it is part of the reason, `gap` where lines before it are left out."""

    number: int
    text: str
    marked: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Lines of a rule. `file` is where the numbers are those of; empty where they count the lines of the query."""

    lines: list[RuleLine] = field(default_factory=list)
    file: str = ""


class RuleTexts:
    """The rules that were judged: their queries as a result has them, and their files as far as these are the same."""

    def __init__(self, rules: Mapping[str, RuleFacts]) -> None:
        self._rules = rules
        self._files: dict[tuple[Path, str], Rule | None] = {}

    def query(self, result: AtomicResult) -> str:
        """The query that was judged; empty where neither the result has it nor a file is, to its letter, that rule."""
        facts, file = self._rules.get(result.inputs.rule), self._file(result)
        return facts.query if facts else file.query if file else ""

    def around(self, result: AtomicResult) -> Excerpt:
        """The lines around the near miss, and the `let` statements that its predicate names."""
        query, near = self.query(result), result.near_miss
        match = _PLACE.fullmatch(near.at) if near else None
        if not query or near is None:
            return Excerpt()
        try:
            found = [(p.offset, p.offset + len(p.text)) for p in predicates(query) if p.text == near.predicate]
        except QueryFailed:
            return Excerpt()
        file, first = self._place(result)
        if match and not first and len(found) == 1:
            file, first = match["file"], int(match["line"]) - query.count("\n", 0, found[0][0])
        elif match and first:  # the same predicate may stand there twice
            found = [each for each in found if query.count("\n", 0, each[0]) + first == int(match["line"])]
        return _excerpt(query, found[:1], file, first)

    def of_flags(self, result: AtomicResult) -> Excerpt:
        """The lines that set those flags that are wrong, and the `let` statements that these name."""
        query = self.query(result)
        wrong = [name for name, flag in result.flags.items() if not flag.right] if result.fired.actual else []
        if not query or not wrong:
            return Excerpt()
        try:
            found = [each for name in wrong for each in _set_at(query, name)]
        except QueryFailed:
            return Excerpt()
        return _excerpt(query, found, *self._place(result))

    def _place(self, result: AtomicResult) -> tuple[str, int]:
        """The rule's file, and its line in which the query begins; ("", 0) where that is not known."""
        rule = self._file(result)
        first = rule.at(1, 1).line if rule else 0
        return (str(rule.path), first) if rule and rule.at(2, 1).line == first + 1 else ("", 0)

    def _file(self, result: AtomicResult) -> Rule | None:
        """The rule's file: where the near miss says, else beside its expectation; None where its query is another."""
        places = [result.near_miss.at] if result.near_miss else []
        named = [Path(match["file"]) for at in places if (match := _PLACE.fullmatch(at))]
        if match := _PLACE.fullmatch(result.at):
            named.append(Path(match["file"]).parent / f"{result.rule}.yaml")
        for path in named:
            key = (path, result.inputs.rule)
            if key not in self._files:
                self._files[key] = _verified(*key)
            if found := self._files[key]:
                return found
        return None


def _set_at(query: str, flag: str) -> Iterator[Span]:
    """Where `flag = …` stands, in an `extend` or wherever else a column is named."""
    for node in walk(parse(query)):
        if kind(node) == "NamedExpression":
            begin, end = span(node)
            if re.match(rf"{re.escape(flag)}\s*=(?![=~])", query[begin:end]):
                yield begin, end


def _lets(query: str, wanted: Iterable[Span]) -> Iterator[Span]:
    """The `let` statements that the text at these places names."""
    text = " ".join(query[begin:end] for begin, end in wanted)
    for node in walk(parse(query)):
        if kind(node) == "LetStatement":
            begin, end = span(node)
            let = _LET.match(query, begin)
            if let and re.search(rf"\b{let[1]}\b", text):
                yield begin, end


def _excerpt(query: str, wanted: list[Span], file: str, first: int) -> Excerpt:
    """The lines of these places with some around them, and the `let` statements that they name, all marked."""
    lines, marked, chosen = query.splitlines(), set[int](), set[int]()
    for begin, end in wanted:
        there = range(query.count("\n", 0, begin), query.count("\n", 0, end) + 1)
        marked.update(there)
        chosen.update(range(max(0, there[0] - _AROUND), min(len(lines), there[-1] + _AROUND + 1)))
    for begin, end in _lets(query, wanted) if wanted else ():
        there = range(query.count("\n", 0, begin), query.count("\n", 0, end) + 1)[:_LET_LINES]
        marked.update(there)
        chosen.update(there)
    ordered = sorted(number for number in chosen if number < len(lines))
    return Excerpt(
        [
            RuleLine(number + (first or 1), lines[number], number in marked, i > 0 and ordered[i - 1] != number - 1)
            for i, number in enumerate(ordered)
        ],
        file,
    )


def _verified(file: Path, digest: str) -> Rule | None:
    """The rule in a file; None where its query is another one."""
    try:
        rule = load_rule(file)
        return rule if rule.digest == digest else None
    except (LivefireError, OSError, ValueError):
        return None
