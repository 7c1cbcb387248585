"""The pytest plugin: `*.expect.yaml` files as tests, one for each atomic and layer.

`pytest expectations/ --livefire` detonates; `--livefire-recording DIR` replays. Without either, nothing is collected
and nothing heavy is imported: the plugin is loaded by every pytest in its environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pytest_plugin.items import ExpectFile

_OPTIONS = {
    "cluster": ("auto", "cluster for --livefire: auto, kind, control-plane, none, or context:NAME"),
    "node-image": ("", "what kind's node runs: a reference, or an archive of `docker save`"),
    "docker": ("auto", "Docker host for --livefire: auto, managed, host, or none"),
    "kube-audit-log": ("", "the API server's audit log, with a context:NAME cluster"),
    "atomics": ("atomics", "where the atomics are, for --livefire"),
    "folder": ("", "where --livefire records (default: a new folder below recordings/)"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Each option stands on the command line and, with underscores, in the ini file."""
    group = parser.getgroup("livefire", "proof of detection rules")
    group.addoption("--livefire", action="store_true", default=None, help="detonate the atomics, then judge")
    parser.addini("livefire", "detonate the atomics, then judge", type="bool", default=False)
    group.addoption("--livefire-recording", action="append", metavar="DIR", help="judge this recording (repeatable)")
    parser.addini("livefire_recording", "recordings to judge", type="paths", default=[])
    group.addoption("--livefire-from-raw", action="store_true", default=None, help="rebuild the tables from raw logs")
    parser.addini("livefire_from_raw", "rebuild the tables from raw logs", type="bool", default=False)
    for name, (default, text) in _OPTIONS.items():
        group.addoption(f"--livefire-{name}", metavar="X", help=text)
        parser.addini(f"livefire_{name.replace('-', '_')}", text, default=default)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what contradicts itself before anything runs."""
    config.addinivalue_line("markers", "livefire: a layer of a proof, collected from an expectation")
    if _live(config) and _recordings(config):
        raise pytest.UsageError("--livefire and --livefire-recording exclude each other")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ExpectFile | None:
    """Collect expectations, when there is something to judge them by."""
    if not file_path.name.endswith(".expect.yaml") or not (_live(parent.config) or _recordings(parent.config)):
        return None
    from harness.pytest_plugin.items import ExpectFile

    return ExpectFile.from_parent(parent, path=file_path)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A session in which no layer was judged has proven nothing, so it does not pass."""
    if not (_live(session.config) or _recordings(session.config)) or exitstatus != pytest.ExitCode.OK:
        return
    from harness.pytest_plugin.items import LayerItem

    items = [item for item in session.items if isinstance(item, LayerItem)]
    if items and not any(item.judged for item in items) and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _live(config: pytest.Config) -> bool:
    given = config.getoption("--livefire", default=None)
    return bool(config.getini("livefire") if given is None else given)


def _recordings(config: pytest.Config) -> list[Path]:
    given = config.getoption("--livefire-recording", default=None)
    return [Path(path) for path in given] if given else list(config.getini("livefire_recording"))


def option(config: pytest.Config, name: str) -> str:
    """The value of an option: from the command line, else from the ini file, else its default."""
    given = config.getoption(f"--livefire-{name}", default=None)
    return str(config.getini(f"livefire_{name.replace('-', '_')}") if given is None else given)


def from_raw(config: pytest.Config) -> bool:
    """Whether tables are to be rebuilt."""
    given = config.getoption("--livefire-from-raw", default=None)
    return bool(config.getini("livefire_from_raw") if given is None else given)
