"""What `livefire prove` would read in the folders given to pytest, and pytest leaves out silently."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.errors import InvalidFiles, InvalidInput, LivefireError, Position
from harness.files.catalog import find_expected
from harness.files.read_once import Read
from harness.files.yaml_files import looks_like_expectations, yaml_files
from harness.files.yaml_reading import require_readable
from harness.model.rule import Rule
from harness.pytest_plugin.pytest_terminal import shorten
from harness.text import visible

_BY_DEFAULT = ("build", "dist", "node_modules", "venv", "*.egg", "CVS", "_darcs", "{arch}")  # pytest's norecursedirs


def passed_over(config: pytest.Config, collected: Iterable[Path]) -> list[LivefireError]:
    """An error for each folder and file that pytest left out silently.

    These are folders that can't be read, YAML that is a dangling link or no regular file, and expectations in folders
    that pytest does not search by default. What the user configured pytest to ignore is left out on purpose.
    """
    known = set(collected)
    folders = _folders(config)
    files, errors = yaml_files(folders)
    problems = [error for error in errors if error.at and not _ignored(config, error.at.path, folders)]
    near = {file.parent for file in files if looks_like_expectations(file)}  # YAML elsewhere may be anything
    for file in files:
        if file in known or file.parent not in near or _ignored(config, file, folders):
            continue
        try:
            require_readable(file)
        except InvalidInput as error:
            problems.append(error)
            continue
        if looks_like_expectations(file):
            message = "pytest does not search this folder, and `livefire prove` does"
            hint = "Rename the folder, or set norecursedirs in the ini file."
            problems.append(InvalidInput(message, at=Position(file), hint=hint))
    return problems


def rules_without(config: pytest.Config, read: Read) -> tuple[list[Rule], list[LivefireError]]:
    """The rules without expectations in the folders given to pytest, and the errors of files that can't be read."""
    try:
        return find_expected(_folders(config), read).rules_without, []
    except InvalidFiles as error:
        return [], error.problems


def collection_error(problem: LivefireError, config: pytest.Config) -> pytest.CollectReport:
    """The report that pytest makes of a file that could not be collected."""
    where = visible(shorten(str(problem.at.path), config)).replace("::", "\\x3a:") if problem.at else ""
    return pytest.CollectReport(where, "failed", shorten(str(problem), config), [])


class Unreadable:
    """Keeps pytest out of folders that can't be read: `passed_over` names them; pytest would show a traceback."""

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """True for a folder that can't be read."""
        return True if collection_path.is_dir() and not os.access(collection_path, os.R_OK | os.X_OK) else None


def _folders(config: pytest.Config) -> list[Path]:
    """The folders among the arguments, without node ids and names of packages."""
    here = config.invocation_params.dir
    paths = [here / argument for argument in config.args if "::" not in argument]
    return [path for path in paths if path.is_dir()]


def _ignored(config: pytest.Config, file: Path, folders: Iterable[Path]) -> bool:
    """Whether the user configured pytest to ignore a file, or a folder above it."""
    ours = [plugin for plugin in config.pluginmanager.get_plugins() if isinstance(plugin, Unreadable)]
    ask = config.pluginmanager.subset_hook_caller("pytest_ignore_collect", remove_plugins=ours)
    for place in (file, *file.parents):
        if place in folders:
            return False
        if ask(collection_path=place, config=config):
            by_default = place.is_dir() and any(fnmatch.fnmatch(place.name, pattern) for pattern in _BY_DEFAULT)
            return not by_default
    return False
