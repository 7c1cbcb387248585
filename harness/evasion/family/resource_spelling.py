"""The same resource under another name: `secret/NAME`, `secrets.v1.`, `configmaps,secrets`, its path in the API."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion.meaning import Meaning, PodExec, ResourceRead, Way, text
from harness.evasion.resource import path

_NAMES = {
    "secrets": {
        "singular": "secret",
        "versioned": "secrets.v1.",
        "versioned-singular": "secret.v1.",
        "kind": "Secret",
        "upper": "SECRETS",
    },
    "configmaps": {
        "singular": "configmap",
        "short": "cm",
        "versioned": "configmaps.v1.",
        "versioned-singular": "configmap.v1.",
        "kind": "ConfigMap",
        "upper": "CONFIGMAPS",
    },
}

_LISTS = {
    "list-secrets-last": "configmaps,secrets",
    "list-secrets-first": "secrets,configmaps",
    "list-short": "cm,secret",
    "list-versioned": "configmaps.v1.,secrets.v1.",
}


def ways(meaning: Meaning) -> Iterator[Way]:
    """For a resource that kubectl reads, and for the pod of `kubectl exec`."""
    if isinstance(meaning, ResourceRead):
        yield from _reads(meaning)
    elif isinstance(meaning, PodExec):
        words = meaning.words()
        at = words.index("--") - 1
        for kind in ("pod", "pods"):
            yield kind, text([*words[:at], f"{kind}/{meaning.pod}", *words[at + 1 :]])


def _reads(read: ResourceRead) -> Iterator[Way]:
    options = read.words()[2 + len(read.target()) :]
    for way, name in _NAMES[read.resource].items():
        yield way, text(["kubectl", "get", name, *read.target()[1:], *options])
        if read.name and not name.endswith("."):
            yield f"{way}-slash", text(["kubectl", "get", f"{name}/{read.name}", *options])
    if read.name:
        yield "slash", text(["kubectl", "get", f"{read.resource}/{read.name}", *options])
    else:
        for way, names in _LISTS.items():
            yield way, text(["kubectl", "get", names, *options])
    resource_path = path(read)
    if resource_path:
        yield "raw", text(["kubectl", "get", "--raw", resource_path])
        yield "raw-equals", text(["kubectl", "get", f"--raw={resource_path}"])
        yield "raw-query", text(["kubectl", "get", "--raw", f"{resource_path}'?resourceVersion=0'"])
