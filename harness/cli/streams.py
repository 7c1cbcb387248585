"""Standard output and standard error that outlive their terminal, and that nothing gets through which acts on one."""

from __future__ import annotations

import errno
import io
import sys
from typing import TYPE_CHECKING

from harness.errors import InvalidInput
from harness.text import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDERR = 2
_GONE = {errno.EIO, errno.EPIPE}  # a closed terminal, a pipe that nobody reads


class Forgiving(io.FileIO):
    """A descriptor whose reader may go away: what is written after that is thrown away."""

    failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """As that of FileIO. Raises InvalidInput, once, for other errors, such as a full disk, but of standard error.

        Of that nobody can be told.
        """
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _GONE and not self.failed and self.fileno() != _STDERR:
                self.failed = True
                raise InvalidInput(f"standard output cannot be written: {error.strerror}") from None
            return memoryview(data).nbytes


class Guarded(io.TextIOWrapper):
    """Text that is made printable as it is written: by us, by click, by a traceback.

    `styled` writes to the same place, for a console that has made its text printable and added its own escapes.
    """

    styled: io.TextIOWrapper

    def write(self, text: str, /) -> int:
        """As that of TextIOWrapper. Raises TypeError for bytes: by that click tells text from a binary stream."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        super().write(printable(text))
        return len(text)


def guard_terminal() -> None:
    """Put such streams in the place of sys.stdout and sys.stderr, where these are still the process's own.

    What is written to a terminal that was closed is thrown away: what nobody can read any more is no error.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__") or not isinstance(stream, io.TextIOWrapper):
            continue
        raw = Forgiving(stream.fileno(), "wb", closefd=False)
        buffered = io.BufferedWriter(raw)
        lines = stream.line_buffering
        text = Guarded(buffered, stream.encoding, stream.errors, None, lines, write_through=True)
        text.styled = io.TextIOWrapper(buffered, stream.encoding, stream.errors, None, lines, write_through=True)
        setattr(sys, name, text)
