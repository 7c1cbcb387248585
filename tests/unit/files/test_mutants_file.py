"""The file of a rule's mutants is read as it was written."""

from __future__ import annotations

import json
from pathlib import Path

from harness.errors import Position
from harness.files.mutants_file import read_mutants, write_mutants
from harness.model.mutants import Mutant, Mutants


def test_what_was_written_is_read_with_its_places(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    change = {"operator": "drop-literal", "line": 2, "column": 3, "before": '"ä"', "after": "", "at": "a:b.yaml:31:7"}
    killed = Mutant.model_validate(change | {"status": "killed", "killed_by": ["T1/a"]})
    mutants = Mutants(rule="r", cases=3, score=1, mutants=[killed])
    write_mutants(mutants, str(path))
    assert read_mutants(path) == mutants
    assert read_mutants(path).mutants[0].position == Position(Path("a:b.yaml"), 31, 7)
    written = json.loads(path.read_text())
    assert list(written) == ["schema", "rule", "cases", "score", "mutants"]
    assert list(written["mutants"][0]) == [*"operator line column before after at status killed_by suggestion".split()]
