"""The pytest plugin: `*.expect.yaml` files as tests, one for each atomic and layer.

`pytest expectations/ --livefire` detonates; `--livefire-recording DIR` replays. Without either, nothing is collected
and nothing heavy is imported: the plugin is loaded by every pytest in its environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.model.yaml_files import looks_like_expectations
from harness.pytest_plugin.settings import SETTINGS, add_options, settings_of
from harness.text import visible

if TYPE_CHECKING:
    from harness.pytest_plugin.items import ExpectFile

_MARKER = (
    "livefire(layer, rule, technique, atomic, kind, mode): a layer of a proof, collected from an expectation; "
    "kind is attack, benign, variants or background, mode is live or replay"
)


_PASSED_OVER = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option stands on the command line and, with underscores, in the ini file."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what contradicts itself before anything runs. Raises pytest.UsageError."""
    config.addinivalue_line("markers", _MARKER)
    settings = settings_of(config)
    config.stash[SETTINGS] = settings
    if settings.active:
        from harness.pytest_plugin.passed_over import Unreadable
        from harness.pytest_plugin.session import SessionPlugin
        from harness.pytest_plugin.tally import Tally

        tally = Tally(config)
        config.pluginmanager.register(Unreadable(), "livefire-unreadable")
        config.pluginmanager.register(tally, "livefire-tally")
        config.pluginmanager.register(SessionPlugin(config, tally), "livefire-session")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ExpectFile | None:
    """Collect expectations, when there is something to judge them by."""
    if not looks_like_expectations(file_path):
        return None
    if not parent.config.stash[SETTINGS].active:
        parent.config.stash[_PASSED_OVER] = True
        return None
    from harness.pytest_plugin.items import ExpectFile

    root = parent.config.rootpath
    name = str(file_path.relative_to(root) if file_path.is_relative_to(root) else file_path)
    named: dict[str, Any] = {}
    if visible(name) != name:  # else pytest names it; it would take what stands behind `::` for a test
        named["nodeid"] = visible(name).replace("::", "\\x3a:")
    return ExpectFile.from_parent(parent, path=file_path, **named)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Say why nothing was collected where there are expectations."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and config.stash.get(_PASSED_OVER, False):
        terminalreporter.write_line("livefire: to judge expectations, give --livefire-recording=DIR or --livefire")
