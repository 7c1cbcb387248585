"""The only way to a terminal: what is printed is safe there, and in a log of CI, whatever it was made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from harness.text import printable, visible


class Terminal(Console):
    """rich's console, all text of which is printable: the only escapes in it are those of its own styles."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False, markup=False, emoji=False)

    def print(self, *objects: object, **options: Any) -> None:
        """As rich's. A string is one line, whatever it quotes; several lines are a `Text`."""
        super().print(*(visible(each) if isinstance(each, str) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Everything that is printed comes through here, part by part."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))

    @property
    def file(self) -> IO[str]:
        """The stream. One that lets no escape through has another for what was styled here."""
        stream = super().file
        styled: IO[str] = getattr(stream, "styled", stream)
        return styled

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file
