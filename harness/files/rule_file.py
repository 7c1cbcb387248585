"""Reading the file of an analytic rule."""

from __future__ import annotations

from pathlib import Path

from harness.errors import InvalidInput, LivefireError
from harness.files.yaml_reading import load_yaml
from harness.model.rule import Rule, RuleFile
from harness.model.source import YamlSource, unknown_keys

_CLOSE = 0.85  # difflib's ratio: one or two letters differ


def rule_keys(source: YamlSource) -> list[LivefireError]:
    """A mistake for each key that nearly is a known one: any other key may be Sentinel's."""
    return unknown_keys(source, RuleFile, cutoff=_CLOSE)


def load_rule(path: Path) -> Rule:
    """Read a rule. Raises InvalidInput or InvalidFiles with positions."""
    return rule_in(load_yaml(path))


def rule_in(source: YamlSource) -> Rule:
    """The rule in a parsed YAML file. Raises InvalidInput or InvalidFiles with positions."""
    if not isinstance(source.data, dict):
        raise InvalidInput("not a Sentinel rule: it must be a mapping", at=source.at(()))
    return Rule(source.parse(RuleFile), source)
