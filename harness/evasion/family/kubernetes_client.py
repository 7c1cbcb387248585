"""The cluster's API by the Kubernetes client for Python."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion import program
from harness.evasion.meaning import Meaning, PodExec, ResourceRead, Way

_START = """import sys
from kubernetes import client, config, dynamic, stream
config.load_kube_config()
"""
# `sys.argv` holds the namespace (empty for that of the context), then the target of the attack
_NAMESPACE = """namespace = sys.argv[1] or config.list_kube_config_contexts()[1]["context"].get("namespace", "default")
"""
_TYPED = "client.CoreV1Api()."
_DYNAMIC = 'dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="{kind}").get({arguments})'
_KINDS = {"secrets": ("secret", "Secret"), "configmaps": ("config_map", "ConfigMap")}
_POD_EXEC = """container = {"container": sys.argv[3]} if sys.argv[3] else {}
print(stream.stream(client.CoreV1Api().connect_get_namespaced_pod_exec, sys.argv[2], namespace,
                    command=sys.argv[4:], stdout=True, stderr=True, stdin=False, tty=False, **container))"""


def ways(meaning: Meaning) -> Iterator[Way]:
    """For what is read, and for a command in a pod that needs neither standard input nor a terminal."""
    if isinstance(meaning, ResourceRead):
        typed, untyped = _read(meaning)
        namespace = "''" if meaning.has("all-namespaces") else meaning.value("namespace") or "''"
        arguments = [namespace, meaning.name] if meaning.name else [namespace]
        yield "typed", program.in_argument(typed, *arguments)
        yield "typed-stdin", program.from_stdin(typed, *arguments)
        yield "dynamic", program.in_argument(untyped, *arguments)
        yield "dynamic-stdin", program.from_stdin(untyped, *arguments)
    elif isinstance(meaning, PodExec) and not (meaning.has("stdin") or meaning.has("tty")):
        namespace, container = meaning.value("namespace") or "''", meaning.value("container") or "''"
        attack = _START + _NAMESPACE + _POD_EXEC
        yield "stream", program.in_argument(attack, namespace, meaning.pod, container, *meaning.command)
        yield "stream-stdin", program.from_stdin(attack, namespace, meaning.pod, container, *meaning.command)


def _read(read: ResourceRead) -> tuple[str, str]:
    """The program for the typed client, and the one for the dynamic client."""
    kind, title = _KINDS[read.resource]
    if read.has("all-namespaces"):
        start, call, arguments = _START, f"list_{kind}_for_all_namespaces()", ""
    elif read.name:
        start, call = _START + _NAMESPACE, f"read_namespaced_{kind}(sys.argv[2], namespace)"
        arguments = "name=sys.argv[2], namespace=namespace"
    else:
        start, call, arguments = _START + _NAMESPACE, f"list_namespaced_{kind}(namespace)", "namespace=namespace"
    return start + _TYPED + call, start + _DYNAMIC.format(kind=title, arguments=arguments)
