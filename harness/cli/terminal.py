"""Standard output and standard error that outlive their terminal: what nobody can read any more is no error."""

from __future__ import annotations

import errno
import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = {errno.EIO, errno.EPIPE}  # a closed terminal, a pipe that nobody reads


class Forgiving(io.FileIO):
    """A descriptor whose reader may go away: what is written after that is thrown away."""

    def write(self, data: ReadableBuffer, /) -> int:
        """As that of FileIO. Other errors, such as a full disk, are raised."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return memoryview(data).nbytes


def forgive_closed_terminal() -> None:
    """Put such streams in the place of sys.stdout and sys.stderr, where these are still the process's own."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__") or not isinstance(stream, io.TextIOWrapper):
            continue
        raw = Forgiving(stream.fileno(), "wb", closefd=False)
        buffered = io.BufferedWriter(raw)
        text = io.TextIOWrapper(
            buffered, encoding=stream.encoding, errors=stream.errors, line_buffering=stream.line_buffering
        )
        setattr(sys, name, text)
