"""The only way to a terminal: whatever is printed here is safe on it, and in a CI log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from harness.text import printable, visible


class Terminal(Console):
    """rich's console with printable text: the only escapes are those of its own styles."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False, markup=False, emoji=False)

    def print(self, *objects: object, **options: Any) -> None:
        """Print as rich does. A string is one line, whatever it quotes; for several lines use a `Text`."""
        super().print(*(visible(item) if isinstance(item, str) else item for item in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Make everything that is printed printable: it comes through here, segment by segment."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))

    @property
    def file(self) -> IO[str]:
        """The stream; for one that lets no escapes through, its `styled` stream."""
        stream = super().file
        styled: IO[str] = getattr(stream, "styled", stream)
        return styled

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file
