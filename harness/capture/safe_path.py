"""Whether somebody else could put something into a folder, or another folder in its place.

After OpenSSH, misc.c, safe_path(): the folder and each one above it belong to us or to root and nobody else may write
into them. In one with the sticky bit, as /tmp, nobody can rename what is another's (inode(7)), so that may be above.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def unsafe(folder: Path) -> str:
    """Why a folder, which need not exist yet, is not safe; empty where it is. Links on the way are followed."""
    for place in _on_the_way(folder.absolute()):
        try:
            state = place.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{place}: {error.strerror}"
        if state.st_uid not in (0, os.geteuid()):
            return f"{place} belongs to the user with uid {state.st_uid}"
        above = place not in (folder.absolute(), folder.resolve())
        sticky = above and state.st_mode & stat.S_ISVTX
        if not stat.S_ISLNK(state.st_mode) and state.st_mode & 0o022 and not sticky:
            return f"other users may write into {place} (mode {stat.S_IMODE(state.st_mode):o})"
    return ""


def _on_the_way(folder: Path) -> Iterator[Path]:
    """The folder and all above it, as it is written and as it is once each link on the way has been followed."""
    yield from (folder, *folder.parents)
    for place in (folder, *folder.parents):
        if place.is_symlink():
            yield from _on_the_way(place.parent / place.readlink())
    resolved = folder.resolve()
    yield from (resolved, *resolved.parents)
