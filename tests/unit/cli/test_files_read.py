"""No command parses a file twice, whatever it needs of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.cli.app import app
from harness.files import yaml_reading
from harness.model.source import YamlSource
from harness.study.mutation import score
from tests.conftest import COMMITTED, EXPECTATIONS, MAIN_JOB, PROJECT, main_job_rule


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """How often each file was parsed."""
    counts: Counter[Path] = Counter()
    parse = yaml_reading.parse_yaml

    def counting(text: str, path: Path) -> YamlSource:
        counts[path.resolve()] += 1
        return parse(text, path)

    monkeypatch.setattr(yaml_reading, "parse_yaml", counting)
    return counts


def test_lint_parses_each_file_once(parsed: Counter[Path]) -> None:
    app(["lint", str(PROJECT / "atomics"), str(PROJECT / "expectations")], standalone_mode=False)
    assert {path for path in parsed if path.parent == EXPECTATIONS.parent} == {*EXPECTATIONS.parent.glob("*.yaml")}
    assert len(parsed) > 4
    assert set(parsed.values()) == {1}


@pytest.mark.parametrize("of_a_rule", [False, True])
def test_prove_parses_each_file_once(tmp_path: Path, parsed: Counter[Path], of_a_rule: bool) -> None:
    expectations = main_job_rule(tmp_path)
    rule = expectations.with_name(EXPECTATIONS.name.replace(".expect", ""))
    rule.write_text(rule.read_text().replace('"docker run",', ""))  # the page shows the lines of a rule that misses
    other = tmp_path / "other.expect.yaml"
    entry = f"{{atomic: {MAIN_JOB[0]}, fires: false}}"
    other.write_text(f"signals_from: ./{expectations.name}\nexpectations: [{entry}]\n")
    (tmp_path / "other.yaml").write_text(rule.read_text())
    chosen = ["--rule", str(rule)] if of_a_rule else []
    page = ["--html", str(tmp_path / "page.html")]
    with pytest.raises(SystemExit):
        app(["prove", str(COMMITTED), "--expectations", str(tmp_path), *chosen, *page], standalone_mode=False)
    assert {expectations, rule, other} <= parsed.keys()
    assert set(parsed.values()) == {1}


@pytest.mark.parametrize("command", [["schedule", "--draws", "1"], ["mutate"]], ids=["schedule", "mutate"])
def test_a_study_of_a_rule_parses_each_file_once(
    tmp_path: Path, parsed: Counter[Path], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(score, "mutations", lambda query: [])  # judging them needs no file
    expectations = main_job_rule(tmp_path)
    rule = expectations.with_name(EXPECTATIONS.name.replace(".expect", ""))
    app([*command, str(rule), str(COMMITTED)], standalone_mode=False)
    assert parsed == {expectations: 1, rule: 1}
