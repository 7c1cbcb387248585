"""No kind of thing that stands in a ledger is forgotten, and no kind needs another module to be known."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import PROJECT


def module(path: Path) -> str:
    name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def written(tree: ast.AST) -> Iterator[tuple[ast.Call, str | None]]:
    """The kinds that are written into a ledger: the first argument of `….ledger.add(…)` and of `ledger.add(…)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="add", value=ast.Attribute(attr="ledger") | ast.Name(id="ledger"))):
                first = node.args[0] if node.args else None
                yield node, str(first.value) if isinstance(first, ast.Constant) else None


def test_each_kind_that_is_written_anywhere_can_be_undone() -> None:
    found = set()
    for path in (PROJECT / "harness").rglob("*.py"):
        for node, kind in written(ast.parse(path.read_text())):
            assert kind, f"{path}:{node.lineno}: a kind that is not told by its name"
            found.add(kind)
    assert len(found) > 8
    imports = "from harness.capture import makers; from harness.host import kinds"
    program = f"{imports}; print(*sorted(kinds.known()), '|', *kinds.findable())"
    known = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout
    undoable, findable = (part.split() for part in known.split("|"))
    assert sorted(found - set(undoable)) == []
    assert sorted(set(findable) - set(undoable)) == []


def test_who_writes_a_kind_knows_how_it_is_undone_without_being_told_by_others() -> None:
    for path in (PROJECT / "harness").rglob("*.py"):
        wanted = sorted({str(kind) for _, kind in written(ast.parse(path.read_text()))})
        if wanted:
            program = (
                f"import {module(path)}; from harness.host import kinds; assert all(map(kinds.is_known, {wanted}))"
            )
            subprocess.run([sys.executable, "-c", program], cwd=PROJECT, check=True)
