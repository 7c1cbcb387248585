"""The options of the commands that have a meaning: their names, which take a value, and how rules spell them.

Names and shorthands are those of the Docker CLI 20.10 to 28 and of kubectl 1.20 to 1.32; both parse them with pflag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.evasion.shell_words import literal

_TRUE = ("true", "True", "TRUE", "t", "T", "1")  # what Go's strconv.ParseBool accepts
_LONG = re.compile(r"(--[a-z][a-z-]*)(?:=([\s\S]*))?")


@dataclass(frozen=True)
class Option:
    """An option by its long name, without hyphens, and its value as a shell word; `true` for a switch."""

    name: str
    value: str = "true"


@dataclass(frozen=True)
class Grammar:
    """The options of one command. `valued` and `switches` map a long name to its canonical spelling, `{}` the value.

    `others` maps every further name or shorthand to the long name.
    """

    switches: Mapping[str, str]
    valued: Mapping[str, str]
    others: Mapping[str, str]

    def spell(self, option: Option) -> list[str]:
        """The words of an option in its canonical spelling."""
        form = self.switches.get(option.name) or self.valued[option.name]
        return [word.replace("{}", option.value) for word in form.split(" ")]

    def read_until_argument(self, words: Sequence[str]) -> tuple[tuple[Option, ...], list[str]] | None:
        """The options before the first other word, and the words from there. None for an unknown option."""
        options: list[Option] = []
        left = list(words)
        while left and left[0].startswith("-"):
            taken = self._take(left)
            if taken is None:
                return None
            options += taken
        return None if left and _is_hidden_option(left[0]) else (tuple(options), left)

    def read_anywhere(self, words: Sequence[str]) -> tuple[tuple[Option, ...], list[str]] | None:
        """The options at any place, and all other words. None for an unknown option."""
        options: list[Option] = []
        arguments: list[str] = []
        left = list(words)
        while left:
            if not left[0].startswith("-"):
                arguments.append(left.pop(0))
                if _is_hidden_option(arguments[-1]):
                    return None
                continue
            taken = self._take(left)
            if taken is None:
                return None
            options += taken
        return tuple(options), arguments

    def _take(self, left: list[str]) -> list[Option] | None:
        """The options at the head of `left`; their words are removed from it. None for an unknown option."""
        word = left.pop(0)
        if long := _LONG.fullmatch(word):
            return self._one(self._name(long[1]), long[2], left)
        taken: list[Option] = []
        letters = word[1:]
        while letters:
            name = self._name(f"-{letters[0]}")
            letters = letters[1:]
            # pflag: `-v=X`, `-vX`, `-v X`; a switch may be followed by further letters, or by `=true`
            value = letters.removeprefix("=") if letters and (name in self.valued or letters[0] == "=") else None
            if value is not None:
                letters = ""
            options = self._one(name, value, left if not letters else [])
            if options is None:
                return None
            taken += options
        return taken or None

    def _one(self, name: str, value: str | None, left: list[str]) -> list[Option] | None:
        if name in self.switches:
            return [Option(name)] if value in (None, *_TRUE) else None
        if name not in self.valued or (value is None and not left):
            return None
        word = left.pop(0) if value is None else value
        if name == "mount":
            return _bind_of_mount(word)
        return [Option(name, word)] if word else None

    def _name(self, flag: str) -> str:
        return self.others.get(flag, flag.removeprefix("--") if flag.startswith("--") else "")


def _is_hidden_option(word: str) -> bool:
    """Whether a word becomes an option once the shell has removed its quotes."""
    return (literal(word) or "").startswith("-")


def _bind_of_mount(word: str) -> list[Option] | None:
    """`--mount type=bind,source=/,target=/host` as the bind that `--volume /:/host` means."""
    fields: dict[str, str] = {}
    for field in (literal(word) or "").split(","):
        key, _, value = field.partition("=")
        fields[{"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}.get(key, key)] = value
    readonly = fields.pop("readonly", None)
    if set(fields) != {"type", "source", "target"} or fields["type"] != "bind" or readonly not in (None, "", "true"):
        return None
    bind = f"{fields['source']}:{fields['target']}" + ("" if readonly is None else ":ro")
    return [Option("volume", bind)] if bind.count(":") <= 2 and re.fullmatch(r"[\w./:#{}-]+", bind) else None


_CONTAINER_VALUES = {"env": "-e {}", "user": "-u {}", "workdir": "-w {}"}
_CONTAINER_SWITCHES = {"interactive": "-i", "tty": "-t", "detach": "-d", "privileged": "--privileged"}
_CONTAINER_OTHERS = {"-i": "interactive", "-t": "tty", "-d": "detach", "-e": "env", "-u": "user", "-w": "workdir"}

RUN = Grammar(
    switches=_CONTAINER_SWITCHES | {"rm": "--rm", "init": "--init", "read-only": "--read-only"},
    valued=_CONTAINER_VALUES
    | {
        "network": "--net={}",
        "pid": "--pid={}",
        "cap-add": "--cap-add={}",
        "volume": "-v {}",
        "mount": "--mount {}",
        "ipc": "--ipc={}",
        "uts": "--uts={}",
        "userns": "--userns={}",
        "cgroupns": "--cgroupns={}",
        "security-opt": "--security-opt={}",
        "device": "--device={}",
        "entrypoint": "--entrypoint={}",
        "hostname": "--hostname={}",
        "label": "--label={}",
        "name": "--name={}",
    },
    others=_CONTAINER_OTHERS | {"--net": "network", "-v": "volume", "-h": "hostname", "-l": "label"},
)
EXEC = Grammar(switches=_CONTAINER_SWITCHES, valued=_CONTAINER_VALUES, others=_CONTAINER_OTHERS)
GET = Grammar(
    switches={"all-namespaces": "--all-namespaces", "no-headers": "--no-headers"},
    valued={"namespace": "-n {}", "output": "--output={}"},
    others={"-A": "all-namespaces", "-n": "namespace", "-o": "output"},
)
POD_EXEC = Grammar(
    switches={"stdin": "-i", "tty": "-t", "quiet": "-q"},
    valued={"namespace": "-n {}", "container": "-c {}"},
    others={"-i": "stdin", "-t": "tty", "-q": "quiet", "-n": "namespace", "-c": "container"},
)
