"""What `livefire prove` would read in the folders that pytest was given, and what pytest says nothing of."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.errors import InvalidFiles, InvalidInput, LivefireError, Position
from harness.files.catalog import find_expected
from harness.files.yaml_files import looks_like_expectations, yaml_files
from harness.files.yaml_reading import require_readable
from harness.model.rule import Rule
from harness.pytest_plugin.pytest_terminal import shorten
from harness.text import visible

_BY_DEFAULT = ("build", "dist", "node_modules", "venv", "*.egg", "CVS", "_darcs", "{arch}")  # pytest's norecursedirs


def passed_over(config: pytest.Config, collected: Iterable[Path]) -> list[LivefireError]:
    """A mistake for each folder and file that pytest left out in silence.

    Folders that can't be read, YAML that is a dangling link or no regular file, and expectations in a folder that
    pytest does not search unless it is told to. What the user told pytest to ignore is left out on purpose.
    """
    known = set(collected)
    folders = _folders(config)
    files, found = yaml_files(folders)
    problems = [each for each in found if each.at and not _ignored(config, each.at.path, folders)]
    near = {file.parent for file in files if looks_like_expectations(file)}  # other YAML may be anything
    for file in files:
        if file in known or file.parent not in near or _ignored(config, file, folders):
            continue
        try:
            require_readable(file)
        except InvalidInput as error:
            problems.append(error)
            continue
        if looks_like_expectations(file):
            said = "pytest does not look into this folder, and `livefire prove` does"
            hint = "Rename the folder, or set norecursedirs in the ini file."
            problems.append(InvalidInput(said, at=Position(file), hint=hint))
    return problems


def rules_without(config: pytest.Config) -> tuple[list[Rule], list[LivefireError]]:
    """The rules, in the folders that pytest was given, of which nothing is expected; and what can't be read there."""
    try:
        return find_expected(_folders(config)).rules_without, []
    except InvalidFiles as error:
        return [], error.problems


def collection_error(problem: LivefireError, config: pytest.Config) -> pytest.CollectReport:
    """A mistake as pytest reports what could not be collected."""
    where = visible(shorten(str(problem.at.path), config)).replace("::", "\\x3a:") if problem.at else ""
    return pytest.CollectReport(where, "failed", shorten(str(problem), config), [])


class Unreadable:
    """Keeps pytest out of folders that can't be read: `passed_over` names them, and pytest shows a traceback."""

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """For a folder that nothing can be read in."""
        return True if collection_path.is_dir() and not os.access(collection_path, os.R_OK | os.X_OK) else None


def _folders(config: pytest.Config) -> list[Path]:
    """Those among the arguments; not where a part of a file is named, or a package by its name."""
    here = config.invocation_params.dir
    given = [here / argument for argument in config.args if "::" not in argument]
    return [folder for folder in given if folder.is_dir()]


def _ignored(config: pytest.Config, file: Path, folders: Iterable[Path]) -> bool:
    """Whether the user told pytest to ignore a file, or a folder above it."""
    ours = [each for each in config.pluginmanager.get_plugins() if isinstance(each, Unreadable)]
    ask = config.pluginmanager.subset_hook_caller("pytest_ignore_collect", remove_plugins=ours)
    for place in (file, *file.parents):
        if place in folders:
            return False
        if ask(collection_path=place, config=config):
            by_default = place.is_dir() and any(fnmatch.fnmatch(place.name, pattern) for pattern in _BY_DEFAULT)
            return not by_default
    return False
