"""What a session judges: the expectations of the items that are left after `-k`, `-m` and `--lf`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.files.expectation_file import load_expectations
from harness.model.expectation import Expectation

BACKGROUND, EVASIONS, PROVEN = "background", "evasions", "proven"
OF_RULE = (BACKGROUND, PROVEN)  # tests of a whole rule


@dataclass(frozen=True)
class Selected:
    """An expectation and its selected layers; or one that is judged for a test of its rule, with that test's name."""

    expectation: Expectation
    layers: frozenset[str]

    @property
    def with_variants(self) -> bool:
        """Whether the variants of its atomic are selected."""
        return EVASIONS in self.layers

    @property
    def for_its_rule(self) -> bool:
        """Whether only the background of its rule is selected."""
        return self.layers == {BACKGROUND}


class Test(Protocol):
    """What is needed here of a test: its file, its layer and its expectations."""

    layer: str
    path: Path
    expectation: Expectation
    rule_expectations: list[Expectation]


def selected(items: Iterable[Test]) -> list[Selected]:
    """The expectations in the order of their items.

    The test whether a rule is proven needs all expectations of the file, deselected ones too. The background needs a
    run: where it alone is selected, that is a run of all expectations of the file.
    """
    layers: dict[tuple[Path, int], set[str]] = {}
    expectations: dict[tuple[Path, int], Expectation] = {}
    rules: dict[str, dict[Path, list[Expectation]]] = {layer: {} for layer in OF_RULE}
    for item in items:
        if item.layer in rules:
            rules[item.layer][item.path] = item.rule_expectations
            continue
        key = (item.path, item.expectation.index)
        layers.setdefault(key, set()).add(item.layer)
        expectations[key] = item.expectation
    chosen = [Selected(expectations[key], frozenset(names)) for key, names in layers.items()]
    for path, all_ in rules[PROVEN].items():
        chosen += [Selected(e, frozenset({PROVEN})) for e in all_ if (path, e.index) not in layers]
    files = {path for path, _ in layers} | rules[PROVEN].keys()
    alone = [e for path, all_ in rules[BACKGROUND].items() if path not in files for e in all_]
    return chosen + [Selected(expectation, frozenset({BACKGROUND})) for expectation in alone]


def to_json(chosen: Iterable[Selected]) -> str:
    """The selection for another process: for each expectation its file, its index there, and its layers."""
    entries = [
        {"path": str(c.expectation.source.path), "index": c.expectation.index, "layers": [*c.layers]} for c in chosen
    ]
    return json.dumps(entries)


def from_json(text: str) -> list[Selected]:
    """Read what `to_json` wrote. Raises LivefireError for a file that became invalid in between."""
    files: dict[str, list[Expectation]] = {}
    chosen = []
    for entry in json.loads(text):
        path = entry["path"]
        if path not in files:
            files[path] = load_expectations(Path(path))
        chosen.append(Selected(files[path][entry["index"]], frozenset(entry["layers"])))
    return chosen
