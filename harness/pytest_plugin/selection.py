"""What a session is to judge: the expectations of the items that are left after `-k`, `-m` and `--lf`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.files.expectation_file import load_expectations
from harness.model.expectation import Expectation

BACKGROUND, EVASIONS, PROVEN = "background", "evasions", "proven"
OF_RULE = (BACKGROUND, PROVEN)  # what a rule has one of, and not each of its expectations


@dataclass(frozen=True)
class Selected:
    """An expectation and those of its layers that are asked for; the rule's own where it stands for it."""

    expectation: Expectation
    layers: frozenset[str]

    @property
    def with_variants(self) -> bool:
        """Whether the variants of its atomic are asked for."""
        return EVASIONS in self.layers

    @property
    def for_its_rule(self) -> bool:
        """Whether nothing of it is asked for but the background of its rule."""
        return self.layers == {BACKGROUND}


class Asking(Protocol):
    """A test, as far as its place and what it asks for go."""

    layer: str
    path: Path
    expectation: Expectation
    rule_expectations: list[Expectation]


def selected(items: Iterable[Asking]) -> list[Selected]:
    """The expectations in the order of their items.

    The background is that of a run. Where it alone is asked for, the run is that of all expectations in the file. So it
    is wherever it is asked whether the rule is proven: that is a matter of all of them, whatever else is deselected.
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
    found = [Selected(expectations[key], frozenset(names)) for key, names in layers.items()]
    for path, all_ in rules[PROVEN].items():
        found += [Selected(each, frozenset({PROVEN})) for each in all_ if (path, each.index) not in layers]
    named = {path for path, _ in layers} | rules[PROVEN].keys()
    alone = [each for path, all_ in rules[BACKGROUND].items() if path not in named for each in all_]
    return found + [Selected(each, frozenset({BACKGROUND})) for each in alone]


def to_json(chosen: Iterable[Selected]) -> str:
    """For another process: files and places in them."""
    each = [
        {"path": str(c.expectation.source.path), "index": c.expectation.index, "layers": [*c.layers]} for c in chosen
    ]
    return json.dumps(each)


def from_json(text: str) -> list[Selected]:
    """What `to_json` wrote. Raises LivefireError when a file was changed in between."""
    files: dict[str, list[Expectation]] = {}
    found = []
    for each in json.loads(text):
        path = each["path"]
        if path not in files:
            files[path] = load_expectations(Path(path))
        found.append(Selected(files[path][each["index"]], frozenset(each["layers"])))
    return found
