"""The daemon's own socket while a gateway has its place, and how it is put back."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path

from harness.host.kinds import Foreign, Whose, undoes
from harness.host.undo import make_way


def aside(socket: Path, owner: str) -> Path:
    """Where the daemon's own socket is while a gateway has its place: beside it, with the owner's name."""
    return socket.with_name(f"{owner}.sock")


@undoes("moved_socket")
def moved_socket(whose: Whose, path: str) -> None:
    """Put a daemon's socket back. Where it is not aside, it was put back already, or its daemon has ended."""
    if not Whose(whose.id, whose.folder.parent).holds(path):  # a lab lies beside the run
        raise Foreign(f"it does not lie in a lab beside {whose.id}")
    lab = Path(path).parent.parent
    ours = lab.parent.resolve() == whose.folder.parent.resolve() and lab.name.startswith("lab-")
    if not ours or Path(path) != lab / "docker/docker.sock":
        raise Foreign(f"it is not the socket of a lab in {whose.folder.parent}")
    own = aside(Path(path), whose.id)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(own.lstat().st_mode):
            raise Foreign(f"{own} is no socket")
        make_way(Path(path))
        own.rename(path)
