"""A page as a browser's parser sees it: its tags, its text, its tables, and whether tags are balanced."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "br", "col", "img", "input", "link", "hr"}
_HIDDEN = {"style", "title"}
_SPACED = {"td", "th", "tr", "p", "div", "li", "summary", "dt", "dd", "pre", "caption", "span", "h1", "h2", "h3", "h4"}


class Page(HTMLParser):
    """`tags` are all start tags with attributes, `text` is all text with single spaces, `problems` misnested tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.problems: list[str] = []
        self._open: list[str] = []
        self._pieces: list[str] = []
        self._tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._mark = 0
        self._caption = ""
        self.feed(html)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self._open]

    @property
    def text(self) -> str:
        """All that can be read."""
        return _flat(self._pieces)

    def elements(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    def table(self, caption: str) -> list[list[str]]:
        """The first table with this caption: its rows, the text of their cells."""
        return self._tables[caption]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)
        if tag in _SPACED:
            self._pieces.append(" ")
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th", "caption"):
            self._mark = len(self._pieces)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"</{tag}> at {self.getpos()}")
        if tag in ("td", "th"):
            self._rows[-1].append(_flat(self._pieces[self._mark :]))
        if tag == "caption":
            self._caption = _flat(self._pieces[self._mark :])
        if tag == "table":
            self._tables.setdefault(self._caption, self._rows)
        if tag in _SPACED:
            self._pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in _HIDDEN:
            self._pieces.append(data)


def _flat(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())
