"""Removing a tree of our files, also where an attack has set flags in it (ioctl_iflags(2))."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import struct
from pathlib import Path

_GETFLAGS, _SETFLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS of 64 bits (linux/fs.h)
_APPEND, _IMMUTABLE = 0x20, 0x10  # FS_APPEND_FL, FS_IMMUTABLE_FL: a file with one of them can't be removed


def remove_tree(path: Path, last: str = "") -> None:
    """Remove a folder with all that is in it; the entry called `last` only when nothing else is left.

    Raises OSError where something can't be removed.
    """
    if not path.exists():
        return
    with contextlib.suppress(OSError):
        _remove(path, last)
    if path.exists():
        _unlock(path)
        _remove(path, last)


def _remove(path: Path, last: str) -> None:
    for entry in path.iterdir():
        if entry.name == last:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    shutil.rmtree(path)


def _unlock(path: Path) -> None:
    """Clear the flags of all in a folder. No link is followed; a file that has another name keeps its flags."""
    for _, _, names, folder in os.fwalk(path, follow_symlinks=False):
        _clear(folder)
        for name in names:
            with contextlib.suppress(OSError):
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
                try:
                    state = os.fstat(descriptor)
                    if stat.S_ISREG(state.st_mode) and state.st_nlink == 1:
                        _clear(descriptor)
                finally:
                    os.close(descriptor)


def _clear(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # not every file system has them
        (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GETFLAGS, struct.pack("l", 0)))
        if flags & (_APPEND | _IMMUTABLE):
            fcntl.ioctl(descriptor, _SETFLAGS, struct.pack("l", flags & ~(_APPEND | _IMMUTABLE)))
