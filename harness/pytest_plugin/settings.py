"""The plugin's settings: from the command line, else the ini file, else the environment, else the default."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InvalidInput, LabUnavailable, LivefireError
from harness.kql.limits import MEMORY, TIME, Limits, limits_of
from harness.lab.clients import require_clients
from harness.text import printable, visible

_TEXT_OPTIONS = {
    "cluster": "cluster for --livefire: auto, kind, control-plane, none, or context:NAME (default: auto)",
    "docker": "Docker host for --livefire: auto, managed, host, or none (default: auto)",
    "node-image": "kind's node image: a reference, or an archive of `docker save`",
    "kube-audit-log": "the API server's audit log, with a context:NAME cluster",
    "atomics": "where the atomics are, for --livefire (default: atomics)",
    "query-timeout": f"the longest that one query may take (default: {TIME})",
    "query-memory": f"the most memory that one query may take (default: {MEMORY})",
    "folder": "where --livefire records (default: a new folder below recordings/)",
}
_ENVIRONMENT = {"cluster": "LIVEFIRE_CLUSTER", "node-image": "LIVEFIRE_NODE_IMAGE"}
_REQUIRE_ALL = "fail if something was not judged, as `livefire prove --require-all` does"
_EXCLUSIVE = "--livefire and --livefire-recording exclude each other"


@dataclass(frozen=True)
class Settings:
    """`live`, or some `recordings`; with neither of them the plugin does nothing. Paths are absolute."""

    live: bool = False
    recordings: tuple[Path, ...] = ()
    from_raw: bool = False
    cluster: str = "auto"
    docker: str = "auto"
    node_image: str | None = None
    kube_audit_log: Path | None = None
    atomics: Path = Path("atomics")
    folder: Path | None = None
    require_all: bool = False
    limits: Limits = Limits()

    @property
    def active(self) -> bool:
        """Whether there is anything to judge."""
        return self.live or bool(self.recordings)

    @property
    def mode(self) -> str:
        """Where results come from: `live` or `replay`."""
        return "live" if self.live else "replay"


SETTINGS = pytest.StashKey[Settings]()


def add_options(parser: pytest.Parser) -> None:
    """Add `--livefire-X` to the command line and `livefire_x` to the ini file."""
    group = parser.getgroup("livefire", "proof of detection rules")
    group.addoption("--livefire", action="store_true", default=None, help="detonate the atomics, then judge")
    parser.addini("livefire", "detonate the atomics, then judge", type="bool", default=False)
    recordings = "recordings to judge, or folders of them; wildcards are expanded"
    group.addoption("--livefire-recording", action="append", metavar="DIR", help=f"{recordings} (repeatable)")
    parser.addini("livefire_recording", recordings, type="paths", default=None)
    group.addoption("--livefire-from-raw", action="store_true", default=None, help="rebuild the tables from raw logs")
    parser.addini("livefire_from_raw", "rebuild the tables from raw logs", type="bool", default=False)
    group.addoption("--livefire-require-all", action="store_true", default=None, help=_REQUIRE_ALL)
    parser.addini("livefire_require_all", _REQUIRE_ALL, type="bool", default=False)
    for name, text in _TEXT_OPTIONS.items():
        group.addoption(f"--livefire-{name}", metavar="X", help=text)
        parser.addini(_key(name), text, default="")


def settings_of(config: pytest.Config) -> Settings:
    """The settings. Raises pytest.UsageError, in one line, for wrong or contradictory ones."""
    live, recordings = _flag(config, "livefire"), _given_recordings(config)
    on_line = [config.getoption(name, default=None) for name in ("--livefire", "--livefire-recording")]
    if all(on_line) or (live and recordings and not any(on_line)):
        raise _usage(_EXCLUSIVE)
    # an option on the command line overrides the other one in the ini file
    if on_line[0]:
        recordings = []
    elif on_line[1]:
        live = False
    if not live and not recordings:
        return Settings(require_all=_flag(config, "livefire-require-all"))
    values = {name: _Value.of(config, name) for name in _TEXT_OPTIONS}
    settings = Settings(
        live=live,
        recordings=tuple(dict.fromkeys(folder for path, source in recordings for folder in _expand(path, source))),
        from_raw=_flag(config, "livefire-from-raw"),
        cluster=values["cluster"].text or "auto",
        docker=values["docker"].text or "auto",
        node_image=values["node-image"].reference(),
        kube_audit_log=values["kube-audit-log"].path(),
        atomics=values["atomics"].path() or _default_atomics(config),
        folder=values["folder"].path(),
        require_all=_flag(config, "livefire-require-all"),
        limits=_limits(values["query-timeout"], values["query-memory"]),
    )
    if live:
        _check_live(settings, values)
    return settings


@dataclass(frozen=True)
class _Value:
    """The value of an option; `source` is the option, ini key or variable, and relative paths begin at `base`."""

    text: str
    source: str
    base: Path

    @classmethod
    def of(cls, config: pytest.Config, name: str) -> _Value:
        option = config.getoption(f"--livefire-{name}", default=None)
        if option is not None:
            return cls(str(option), f"--livefire-{name}", config.invocation_params.dir)
        text = str(_ini(config, _key(name)))
        if text:
            return cls(text, _key(name), _ini_folder(config))
        variable = _ENVIRONMENT.get(name, "")
        return cls(os.environ.get(variable, ""), variable, config.invocation_params.dir)

    def path(self) -> Path | None:
        return self.base / self.text if self.text else None

    def reference(self) -> str | None:
        """A reference unchanged, or the absolute path of an archive."""
        archive = self.path()
        return str(archive) if archive and archive.is_file() else self.text or None


def _given_recordings(config: pytest.Config) -> list[tuple[Path, str]]:
    """Each path with its source: the option, or the ini key."""
    options = config.getoption("--livefire-recording", default=None)
    if options and not all(options):
        raise _usage("--livefire-recording: it must not be empty")
    if options:
        return [(config.invocation_params.dir / path, f"--livefire-recording {path}") for path in options]
    paths = _ini(config, "livefire_recording")
    if paths == []:
        raise _usage(f"livefire_recording in {config.inipath}: it must not be empty")
    return [(path, f"livefire_recording: {path}") for path in paths or []]


def _expand(path: Path, source: str) -> list[Path]:
    """The recordings at `path`, as `livefire prove` finds them, or in the folders that its wildcards match."""
    from harness.recording import find_recordings  # only here: this loads pydantic

    folders = [path]
    if not os.path.lexists(path):
        # as in a shell, wildcards match no hidden folders; pathlib's would
        folders = [Path(name) for name in sorted(glob.glob(str(path)))]  # noqa: PTH207
        folders = [folder for folder in folders if folder.is_dir()]
        if not folders:
            raise _usage(f"{source}: not there")
    try:
        return find_recordings(folders)
    except LivefireError as error:
        raise _usage(source, error) from None


def _check_live(settings: Settings, values: dict[str, _Value]) -> None:
    """Raise pytest.UsageError for missing clients, unknown words and missing files, before anything is collected."""
    try:
        require_clients()
    except LabUnavailable as error:
        raise _usage("--livefire", error) from None
    from harness.lab.lab_choice import cluster_kind, docker_kind  # only here: a replay does not need it

    for name, kind_of in (("cluster", cluster_kind), ("docker", docker_kind)):
        try:
            kind_of(lab_choice(settings))
        except InvalidInput as error:
            raise _usage(f"{values[name].source} {values[name].text}: unknown. {error.hint}") from None
    for name, path in (("atomics", settings.atomics), ("kube-audit-log", settings.kube_audit_log)):
        if path and not path.exists():
            raise _usage(f"{values[name].source or f'--livefire-{name}'} {path}: not there")


def _limits(time: _Value, memory: _Value) -> Limits:
    try:
        return limits_of(time.text or TIME, memory.text or MEMORY, names=(time.source, memory.source))
    except InvalidInput as error:
        raise _usage(str(error)) from None


def lab_choice(settings: Settings) -> Any:
    """The lab for a live run, a `LabChoice`."""
    from harness.lab.lab_choice import LabChoice  # only here: a replay does not need it

    return LabChoice(settings.cluster, settings.docker, settings.kube_audit_log, settings.node_image)


def _default_atomics(config: pytest.Config) -> Path:
    """`atomics` where pytest was started, else where its ini file is."""
    here = config.invocation_params.dir / "atomics"
    return here if here.exists() else config.rootpath / "atomics"


def _flag(config: pytest.Config, name: str) -> bool:
    option = config.getoption(f"--{name}", default=None)
    return bool(_ini(config, name.replace("-", "_")) if option is None else option)


def _ini(config: pytest.Config, key: str) -> Any:
    try:
        return config.getini(key)
    except (ValueError, TypeError, pytest.UsageError) as error:
        raise _usage(f"{key} in {config.inipath}: {error}") from None


def _ini_folder(config: pytest.Config) -> Path:
    return config.inipath.parent if config.inipath else config.invocation_params.dir


def _key(name: str) -> str:
    return f"livefire_{name.replace('-', '_')}"


def _usage(text: str, error: LivefireError | None = None) -> pytest.UsageError:
    """The error that pytest prints for a wrong option: one line, and an error's text after it."""
    return pytest.UsageError(printable(f"{visible(text)}: {error}" if error else visible(text)))
