"""What an attack means: a container is created, a command is run in one, or a resource is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.evasion.client_options import EXEC, GET, POD_EXEC, RUN, Grammar, Option
from harness.evasion.shell_words import literal

Spelling = Mapping[Option, Sequence[str]]
Way = tuple[str, str]  # a name, unique in its family, and the commands that replace the attack
_CANONICAL: Spelling = {}


@dataclass(frozen=True)
class _Command:
    """A command of a tool. Its words and the options' values are shell words, exactly as written."""

    options: tuple[Option, ...]

    def values(self, name: str) -> list[str]:
        """The values of all options called `name`."""
        return [option.value for option in self.options if option.name == name]

    def has(self, name: str) -> bool:
        """Whether there is an option called `name`."""
        return bool(self.values(name))

    def value(self, name: str) -> str:
        """The value of the last option called `name`; empty without one."""
        return (self.values(name) or [""])[-1]


@dataclass(frozen=True)
class ContainerCreation(_Command):
    """`docker run` or `docker create`: a container of an image, with its powers, that runs a command."""

    verb: Literal["run", "create"]
    image: str
    command: tuple[str, ...]
    tool = "docker"
    grammar = RUN

    def words(self, spelling: Spelling = _CANONICAL) -> list[str]:
        """The command's words; options are spelt as `spelling` says, else in the canonical way."""
        return ["docker", self.verb, *_spelt(self, spelling), self.image, *self.command]


@dataclass(frozen=True)
class ContainerExec(_Command):
    """`docker exec`: a command in a container that runs already."""

    container: str
    command: tuple[str, ...]
    tool = "docker"
    verb = "exec"
    grammar = EXEC

    def words(self, spelling: Spelling = _CANONICAL) -> list[str]:
        """The command's words; options are spelt as `spelling` says, else in the canonical way."""
        return ["docker", "exec", *_spelt(self, spelling), self.container, *self.command]


@dataclass(frozen=True)
class ResourceRead(_Command):
    """`kubectl get`: a kind of resource, or one by its `name`, in one namespace or in all."""

    resource: Literal["secrets", "configmaps"]
    name: str
    tool = "kubectl"
    verb = "get"
    grammar = GET

    def words(self, spelling: Spelling = _CANONICAL) -> list[str]:
        """The command's words; options are spelt as `spelling` says, else in the canonical way."""
        return ["kubectl", "get", *self.target(), *_spelt(self, spelling)]

    def target(self) -> list[str]:
        """The words that say what is read."""
        return [self.resource, *([self.name] if self.name else [])]


@dataclass(frozen=True)
class PodExec(_Command):
    """`kubectl exec`: a command in a container of a pod."""

    pod: str
    command: tuple[str, ...]
    tool = "kubectl"
    verb = "exec"
    grammar = POD_EXEC

    def words(self, spelling: Spelling = _CANONICAL) -> list[str]:
        """The command's words; options are spelt as `spelling` says, else in the canonical way."""
        return ["kubectl", "exec", *_spelt(self, spelling), self.pod, "--", *self.command]


Meaning = ContainerCreation | ContainerExec | ResourceRead | PodExec

_RESOURCES: dict[str, Literal["secrets", "configmaps"]] = {
    "secret": "secrets",
    "secrets": "secrets",
    "cm": "configmaps",
    "configmap": "configmaps",
    "configmaps": "configmaps",
}


def understand(words: Sequence[str]) -> Meaning | None:
    """The meaning of a simple command; None where it is not known for certain."""
    tool, arguments = words[0], list(words[1:])
    if tool == "docker" and arguments[:1] == ["container"]:
        arguments = arguments[1:]
    reader = _READERS.get((tool, arguments[0])) if arguments else None
    return reader(arguments[0], arguments[1:]) if reader else None


def text(words: Sequence[str]) -> str:
    """A simple command of these words."""
    return " ".join(words)


def _creation(verb: str, words: list[str]) -> Meaning | None:
    read = RUN.read_until_argument(words)
    if read is None or not read[1]:
        return None
    options, (image, *command) = read
    return ContainerCreation(options, "run" if verb == "run" else "create", image, tuple(command))


def _container_exec(_: str, words: list[str]) -> Meaning | None:
    read = EXEC.read_until_argument(words)
    if read is None or len(read[1]) < 2:
        return None
    options, (container, *command) = read
    return ContainerExec(options, container, tuple(command))


def _resource_read(_: str, words: list[str]) -> Meaning | None:
    read = GET.read_anywhere(words)
    if read is None or not 1 <= len(read[1]) <= 2:
        return None
    options, (kind, *names) = read
    if not names and "/" in kind:
        kind, _, name = kind.partition("/")
        names = [name]
    resource = _RESOURCES.get(kind)
    everywhere = any(option.name == "all-namespaces" for option in options)
    if resource is None or any(everywhere or literal(name) == "" for name in names):
        return None
    return ResourceRead(options, resource, *names or [""])


def _pod_exec(_: str, words: list[str]) -> Meaning | None:
    if "--" not in words:
        return None
    dashes = words.index("--")
    read, command = POD_EXEC.read_anywhere(words[:dashes]), words[dashes + 1 :]
    if read is None or len(read[1]) != 1 or not command:
        return None
    options, (pod,) = read
    kind, slash, name = pod.rpartition("/")
    if slash and kind not in ("pod", "pods"):
        return None
    return PodExec(options, name, tuple(command))


_READERS: dict[tuple[str, str], Callable[[str, list[str]], Meaning | None]] = {
    ("docker", "run"): _creation,
    ("docker", "create"): _creation,
    ("docker", "exec"): _container_exec,
    ("kubectl", "get"): _resource_read,
    ("kubectl", "exec"): _pod_exec,
}


def _spelt(command: Meaning, spelling: Spelling) -> list[str]:
    grammar: Grammar = command.grammar
    return [word for o in command.options for word in spelling.get(o) or grammar.spell(o)]
