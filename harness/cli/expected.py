"""The file of a rule's expectations: the one that is named, or the one beside the rule."""

from __future__ import annotations

from pathlib import Path

from harness.errors import NothingSelected
from harness.files.yaml_files import SUFFIX


def beside(rule: Path) -> Path:
    """The default file of a rule's expectations."""
    return rule.with_name(f"{rule.stem}{SUFFIX}")


def expectations_of(rule: Path, named: Path | None) -> Path:
    """The file of a rule's expectations. Raises NothingSelected where there is none."""
    path = named or beside(rule)
    if not path.is_file():
        raise NothingSelected(f"{path}: there is no such file", hint="Name the expectations with --expect.")
    return path
