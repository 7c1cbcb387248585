"""Whether somebody else could put something into a folder, or another folder in its place.

After OpenSSH, misc.c, safe_path(): the folder and each one above it belong to us or to root and nobody else may write
into them. In a folder with the sticky bit (/tmp) nobody can rename another's file (inode(7)), so it may be above.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def unsafe(folder: Path) -> str:
    """Why a folder is not safe; empty where it is safe. It need not exist yet. Links on the way are followed."""
    written, real = folder.absolute(), Path(os.path.realpath(folder))
    try:
        written.stat()
    except FileNotFoundError:
        pass
    except OSError as error:  # a file in place of a folder, a link to itself
        return f"{written}: {error.strerror}"
    for place in (*_on_the_way(written), real):
        try:
            state = place.lstat()
        except FileNotFoundError:
            continue
        if state.st_uid not in (0, os.geteuid()):
            return f"{place} belongs to the user with uid {state.st_uid}"
        sticky = place not in (written, real) and state.st_mode & stat.S_ISVTX
        if not stat.S_ISLNK(state.st_mode) and state.st_mode & 0o022 and not sticky:
            return f"other users may write into {place} (mode {stat.S_IMODE(state.st_mode):o})"
    return ""


def _on_the_way(folder: Path) -> Iterator[Path]:
    """The folder and all above it; where one of them is a link, also its target and all above that."""
    for place in (folder, *folder.parents):
        yield place
        if place.is_symlink():
            yield from _on_the_way(place.parent / place.readlink())
