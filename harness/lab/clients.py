"""The Python clients of Docker and Kubernetes, which only a live run needs."""

from __future__ import annotations

from importlib.util import find_spec

from harness.errors import LabUnavailable

_CLIENTS = ("docker", "kubernetes")


def require_clients() -> None:
    """Raise LabUnavailable, in one line, unless both are installed."""
    missing = [name for name in _CLIENTS if not _installed(name)]
    if missing:
        what = f"the Python package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}"
        raise LabUnavailable(f"a live run needs {what}: pip install 'livefire[lab]'")


def _installed(name: str) -> bool:
    try:
        package = find_spec(name)
    except ImportError:
        return False
    return package is not None and package.origin is not None  # else it is a folder of this name
