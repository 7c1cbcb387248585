"""Reading a file of expectations, with the rule that lies beside it."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InvalidFiles, InvalidInput, LivefireError, Position
from harness.files.read_once import Read
from harness.files.rule_file import rule_in
from harness.files.yaml_files import SUFFIX
from harness.files.yaml_reading import load_yaml
from harness.model.expectation import Entry, Expectation, ExpectFile
from harness.model.source import YamlSource, did_you_mean


def load_expectations(path: Path, rule_path: Path | None = None, read: Read = load_yaml) -> list[Expectation]:
    """The expectations of one file, for the rule beside it, or for another version of that rule at `rule_path`.

    `read` opens each file: the expectations, the rule, and the file that `signals_from` names.
    Raises InvalidInput or InvalidFiles with positions.
    """
    source = read(path)
    parsed = source.parse(ExpectFile)
    entries = _with_signals(source, parsed, read)
    beside = rule_path or path.with_name(path.name.removesuffix(SUFFIX) + ".yaml")
    if not beside.exists():
        raise InvalidInput(f"the rule {beside.name} is not beside it", at=Position(path))
    rule = rule_in(read(beside))
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        if entry.atomic in seen:
            raise InvalidInput(f"'{entry.atomic}' twice", at=source.at(("expectations", index, "atomic")))
        seen.add(entry.atomic)
    return [
        Expectation(
            rule,
            entry,
            index,
            source,
            (*parsed.companions, *entry.companions),
            tuple(parsed.tuning),
            skippable=tuple(parsed.may_skip),
        )
        for index, entry in enumerate(entries)
    ]


def _with_signals(source: YamlSource, parsed: ExpectFile, read: Read) -> list[Entry]:
    """The entries. A missing oracle or signals come from the entry for the same atomic in `signals_from`."""
    known: dict[str, Entry] = {}
    if parsed.signals_from:
        signal_source = read(source.path.parent / parsed.signals_from)
        known = {entry.atomic: entry for entry in signal_source.parse(ExpectFile).expectations}
    entries, problems = [], list[LivefireError]()
    for index, entry in enumerate(parsed.expectations):
        lender = known.get(entry.atomic, entry)
        entries.append(
            entry.model_copy(
                update={"oracle": entry.oracle or lender.oracle, "signals": entry.signals or lender.signals}
            )
        )
        for key in ("oracle", "signals"):
            if not getattr(entries[-1], key):
                at = source.at(("expectations", index))
                problems.append(InvalidInput(f"'{entry.atomic}' has no {key}", at=at, hint=_where(entry, known, key)))
    if problems:
        raise InvalidFiles(problems)
    return entries


def _where(entry: Entry, known: dict[str, Entry], key: str) -> str:
    """Where an entry could have its oracle or signals from."""
    if known and entry.atomic not in known:
        return f"`signals_from` has no such atomic. {did_you_mean(entry.atomic, sorted(known))}"
    return f"Write the {key} that shows that it happened." if key == "oracle" else "Write what it must leave behind."
