"""Standard output and standard error: they survive a closed terminal, and pass no control characters to an open one."""

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
_GONE = {errno.EIO, errno.EPIPE}  # a closed terminal, a pipe without a reader


class Forgiving(io.FileIO):
    """A descriptor whose reader may go away: what is written after that is discarded."""

    failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write as FileIO does. Raises InvalidInput, once, for other errors such as a full disk.

        Not for standard error: there is no stream left to report it on.
        """
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _GONE and not self.failed and self.fileno() != _STDERR:
                self.failed = True
                raise InvalidInput(f"standard output cannot be written: {error.strerror}") from None
            return memoryview(data).nbytes


class Guarded(io.TextIOWrapper):
    """A stream that makes all text printable, whether we write it, click or a traceback.

    `styled` writes to the same descriptor, for a console that made its text printable and added its own escapes.
    """

    styled: io.TextIOWrapper

    def write(self, text: str, /) -> int:
        """Write as TextIOWrapper does. Raises TypeError for bytes, by which click tells text from binary streams."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        super().write(printable(text))
        return len(text)


def guard_terminal() -> None:
    """Replace sys.stdout and sys.stderr by such streams, unless something else has replaced them before.

    Output to a closed terminal is discarded: that is no error.
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
