"""What must hold of the tree of modules as a whole: no circles, and each name stands once."""

from __future__ import annotations

from collections import Counter
from graphlib import TopologicalSorter

import grimp

from tests.conftest import PROJECT


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("harness")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 300
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_each_name_of_a_module_stands_once_in_the_tree() -> None:
    names = Counter(path.stem for path in (PROJECT / "harness").rglob("*.py") if path.name != "__init__.py")
    assert len(names) > 250
    assert [name for name, times in names.items() if times > 1] == []
