"""A session parses no file twice."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.files import yaml_reading
from harness.model.source import YamlSource
from tests.unit.pytest_plugin.conftest import REPLAY, Run


def test_each_file_is_parsed_once(proof: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    parse, parsed = yaml_reading.parse_yaml, Counter[Path]()

    def counting(text: str, path: Path) -> YamlSource:
        parsed[path.resolve()] += 1
        return parse(text, path)

    monkeypatch.setattr(yaml_reading, "parse_yaml", counting)
    rule = proof / "container-cli-api.yaml"
    (proof / "alone.yaml").write_text(rule.read_text())  # of this rule nothing is expected
    run(REPLAY, "--collect-only", proof)
    assert parsed == {rule: 1, proof / "alone.yaml": 1, proof / "container-cli-api.expect.yaml": 1}
