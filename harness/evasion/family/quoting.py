"""The same words, written so that only a shell reads them as such: quotes, backslashes, blanks, expansions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from harness.evasion.meaning import Meaning, Way, text
from harness.evasion.shell_words import PLACEHOLDER, quote

_PLAIN = re.compile(r"[\w./:=-]*[A-Za-z][\w./:=-]*", re.ASCII)


def ways(meaning: Meaning) -> Iterator[Way]:
    """The process always gets the same arguments, since the shell removes the quoting."""
    words = meaning.words()
    tool, verb, *arguments = words

    def changed(change: Callable[[str], str]) -> str:
        return text([change(word) if _PLAIN.fullmatch(word) else word for word in words])

    yield "double-space", "  ".join(words)
    yield "continuation", " \\\n  ".join(words)
    yield "empty-quotes", changed(lambda word: f'{word[0]}""{word[1:]}')
    yield "backslashes", changed(lambda word: re.sub(r"(\w)", r"\\\1", word))
    yield "hexadecimal", changed(lambda word: "$'" + "".join(f"\\x{ord(letter):02x}" for letter in word) + "'")
    yield "variables", f"tool={tool} verb={verb}\n" + text(['"$tool"', '"$verb"', *arguments])
    yield "field-separator", "${IFS}".join(words)
    yield "printed", text([f'"$(printf {quote(_octal(word))})"' for word in (tool, verb)] + arguments)
    if not any(re.search(r"[{},]", re.sub(PLACEHOLDER, "", word)) for word in words):
        yield "braces", "{" + ",".join(words) + "}"


def _octal(word: str) -> str:
    return "".join(f"\\{ord(letter):03o}" for letter in word)
