"""The pytest plugin: `*.expect.yaml` files as tests, one for each atomic and layer.

`pytest expectations/ --livefire` detonates; `--livefire-recording DIR` replays. Without either, nothing is collected
and no engine is imported, since every pytest in the environment loads the plugin.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import interrupts
from harness.files.yaml_files import looks_like_expectations
from harness.pytest_plugin.settings import SETTINGS, add_options, settings_of
from harness.text import visible

if TYPE_CHECKING:
    from harness.pytest_plugin.items import ExpectFile

_MARKER = (
    "livefire(layer, rule, technique, atomic, kind, mode): a layer of a proof, collected from an expectation; "
    "kind is attack, benign, variants or background, mode is live or replay"
)


_PASSED_OVER = pytest.StashKey[int]()
_FINISHED = pytest.StashKey[pytest.Session]()

_under_way: list[pytest.Config] = []  # in this process: pytester runs a session within another


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add each option to the command line and, with underscores, to the ini file."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options before anything runs. Raises pytest.UsageError for wrong or contradictory ones."""
    _under_way.append(config)
    config.addinivalue_line("markers", _MARKER)
    settings = settings_of(config)
    config.stash[SETTINGS] = settings
    if settings.active:  # only then: these load an engine
        from harness.pytest_plugin.course import SessionPlugin
        from harness.pytest_plugin.passed_over import Unreadable
        from harness.pytest_plugin.tally import Tally
        from harness.pytest_plugin.xdist import Controller

        tally = Tally(config)
        config.pluginmanager.register(Unreadable(), "livefire-unreadable")
        config.pluginmanager.register(tally, "livefire-tally")
        config.pluginmanager.register(SessionPlugin(config, tally), "livefire-session")
        config.pluginmanager.register(Controller(config, tally), "livefire-controller")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ExpectFile | None:
    """Collect expectations, when there is a recording or a live run to judge."""
    if not looks_like_expectations(file_path):
        return None
    if not parent.config.stash[SETTINGS].active:
        if _is_below_argument(file_path, parent.config):
            parent.config.stash[_PASSED_OVER] = parent.config.stash.get(_PASSED_OVER, 0) + 1
        return None
    from harness.pytest_plugin.items import ExpectFile  # only here: this loads the engine

    root = parent.config.rootpath
    name = str(file_path.relative_to(root) if file_path.is_relative_to(root) else file_path)
    options: dict[str, Any] = {}
    if visible(name) != name:  # else pytest makes the node id; it would read the text after `::` as a test's name
        options["nodeid"] = visible(name).replace("::", "\\x3a:")
    return ExpectFile.from_parent(parent, path=file_path, **options)


def _is_below_argument(file: Path, config: pytest.Config) -> bool:
    """Whether a file is below one of the arguments: pytest looks at the files beside them, too."""
    here = config.invocation_params.dir
    return any(file.is_relative_to(here / argument.partition("::")[0]) for argument in config.args)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With --livefire-require-all, expectations that were not judged are a failure."""
    session.config.stash[_FINISHED] = session
    required = session.config.stash[SETTINGS].require_all
    if required and session.config.stash.get(_PASSED_OVER, 0) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Exit without waiting for a query that can't be ended, unless this session runs within another."""
    if config in _under_way:  # else another plugin refused the session before `pytest_configure`
        _under_way.remove(config)
    session = config.stash.get(_FINISHED, None)
    if interrupts.abandoned() and session and not _under_way:
        interrupts.leave_with(int(session.exitstatus))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    """Say that there were expectations, and that none was judged."""
    if files := config.stash.get(_PASSED_OVER, 0):
        what = f"{files} file{'s' if files > 1 else ''} of expectations not judged"
        terminalreporter.write_line(f"livefire: {what}: give --livefire-recording=DIR or --livefire")
