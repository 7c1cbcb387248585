"""The tool's binary under another name or path: a copy, a link, an open file, a file in memory."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion.meaning import Meaning, Way, text
from harness.evasion.shell_words import quote

_OTHERS = {"docker": ("nerdctl", "podman"), "kubectl": ("crictl", "ctr")}  # names of other tools that rules know
_MEMORY = """import os, shutil, sys
memory = os.memfd_create("cache", 0)
with open(shutil.which(sys.argv[1]), "rb") as binary, os.fdopen(memory, "wb", closefd=False) as copy:
    shutil.copyfileobj(binary, copy)
os.execv(f"/proc/self/fd/{memory}", sys.argv[1:])"""


def ways(meaning: Meaning) -> Iterator[Way]:
    """The words after the tool's name stay as they are."""
    tool, *words = meaning.words()
    call = text(words)
    binary = f'"$(command -v {tool})"'
    yield "path", f"{binary} {call}"
    yield "relative-path", f'(cd "$(dirname {binary})" && ./{tool} {call})'
    yield "descriptor", f"(exec 9<{binary}; exec /proc/self/fd/9 {call})"
    names = {"renamed": "updater", "hidden": f".{tool}", "upper": tool.upper()} | {name: name for name in _OTHERS[tool]}
    for way, name in names.items():
        yield f"copy-{way}", f'cp {binary} "$HOME/{name}"\n"$HOME/{name}" {call}'
    for way in ("renamed", "upper"):
        yield f"link-{way}", f'ln -s {binary} "$HOME/{names[way]}"\n"$HOME/{names[way]}" {call}'
    yield (
        "copy-deleted",
        f'cp {binary} "$HOME/updater"\n(exec 9<"$HOME/updater"; rm "$HOME/updater"; exec /proc/self/fd/9 {call})',
    )
    yield "memory", f'"#{{python}}" -c {quote(_MEMORY)} {tool} {call}'
