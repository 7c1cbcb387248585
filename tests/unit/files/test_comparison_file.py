"""The file of two results compared is read as it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import InvalidInput
from harness.files.comparison_file import read_comparison, write_comparison
from harness.model.comparison import KINDS, Cause, Comparison, Difference, RuleChange, by_kind


def difference(kind: str) -> Difference:
    values = {"atomic": f"T1/{kind}", "rule": "r", "before": "PROVEN", "after": "", "detail": "d", "reason": "because"}
    return Difference.model_validate({"kind": kind, "cause": Cause.GONE, **values})


def comparison() -> Comparison:
    return Comparison(
        old=("a",),
        new=("b", "c"),
        inputs={Cause.RULE: "r: a -> b"},
        rules=(RuleChange(rule="r", versions=("1", "2"), lines=("-a", "+b")),),
        unjudged={"x": "new"},
        **by_kind(difference(kind) for kind in reversed(KINDS)),
    )


def test_what_was_written_is_read_and_each_difference_is_of_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    write_comparison(comparison(), str(path))
    assert read_comparison(path) == comparison()
    assert [one.kind for one in read_comparison(path).differences] == [*KINDS]
    assert read_comparison(path).worse


def test_the_document_has_what_its_schema_says(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    write_comparison(comparison(), str(path))
    written = json.loads(path.read_text())
    assert list(written) == "schema old new inputs rules unjudged regressions improvements changes".split()
    assert written["schema"] == "livefire.diff/1"
    assert written["inputs"] == {"rule": "r: a -> b"}
    assert written["rules"] == [{"rule": "r", "versions": ["1", "2"], "lines": ["-a", "+b"], "untold": ""}]
    assert list(written["changes"][0]) == "atomic rule before after cause detail reason".split()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "livefire.result/1"}, "not a diff"),
        ({"regressions": {"a": 1}}, "regressions"),
        ({"changes": ["a"]}, "changes.0"),
        ({"changes": [{"atomic": "a"}]}, "changes.0.rule"),
    ],
)
def test_what_is_no_comparison_is_refused(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = tmp_path / "d.json"
    write_comparison(comparison(), str(path))
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(InvalidInput, match=said):
        read_comparison(path)
