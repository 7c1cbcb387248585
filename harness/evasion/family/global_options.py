"""An option of the tool itself between its name and the verb: `docker --debug run`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion.meaning import Meaning, ResourceRead, Way, text

_DOCKER = {
    "debug": "--debug",
    "debug-short": "-D",
    "log-level": "--log-level=error",
    "host": '--host "$DOCKER_HOST"',
    "host-short": '-H "$DOCKER_HOST"',
    "config": '--config "$HOME/.docker"',
    "context": "--context default",
}
_KUBECTL = {
    "timeout": "--request-timeout=30s",
    "verbosity": "-v=0",
    "kubeconfig": '--kubeconfig "$KUBECONFIG"',
    "cache": '--cache-dir="$HOME/cache"',
}


def ways(meaning: Meaning) -> Iterator[Way]:
    """Each option before the verb; for kubectl also one after the verb, and the namespace before it."""
    tool, verb, *arguments = meaning.words()
    for name, option in (_DOCKER if tool == "docker" else _KUBECTL).items():
        yield name, text([tool, option, verb, *arguments])
    if tool == "kubectl":
        yield "timeout-behind-verb", text([tool, verb, "--request-timeout=30s", *arguments])
    if meaning.has("namespace"):
        yield "namespace", text([tool, "-n", meaning.value("namespace"), verb, *_without_namespace(meaning)])
    if isinstance(meaning, ResourceRead) and meaning.has("output"):
        others = [word for word in arguments if not word.startswith("--output=")]
        yield "output", text([tool, "-o", meaning.value("output"), verb, *others])


def _without_namespace(meaning: Meaning) -> list[str]:
    words = meaning.words()[2:]
    at = words.index("-n")
    return words[:at] + words[at + 2 :]
