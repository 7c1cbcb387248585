"""Options in the environment, in a file that the tool reads, or behind a name that only the shell knows."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion.meaning import Meaning, Way, text

_DOCKER = {
    "host-option": '(host=$DOCKER_HOST; unset DOCKER_HOST; docker -H "$host" {rest})',
    "context-variable": (
        'docker context create spare --docker "host=$DOCKER_HOST"\n'
        "(unset DOCKER_HOST; export DOCKER_CONTEXT=spare; docker {rest})"
    ),
    "context-file": (
        'docker context create spare --docker "host=$DOCKER_HOST"\n'
        '(unset DOCKER_HOST; printf \'{"currentContext": "spare"}\' >"$HOME/.docker/config.json"; docker {rest})'
    ),
}
_KUBECTL = {
    # links, not copies: a kubeconfig may hold a token
    "kubeconfig-link": 'ln -s "$KUBECONFIG" "$HOME/cluster"\nKUBECONFIG=$HOME/cluster kubectl {rest}',
    "kubeconfig-default": (
        'mkdir -p "$HOME/.kube"\nln -s "$KUBECONFIG" "$HOME/.kube/config"\n(unset KUBECONFIG; kubectl {rest})'
    ),
    "kubeconfig-list": "KUBECONFIG=$HOME/absent:$KUBECONFIG kubectl {rest}",
}


def ways(meaning: Meaning) -> Iterator[Way]:
    """The tool's own variables and files, then the shell's."""
    tool, verb, *words = meaning.words()
    rest = text([verb, *words])
    for name, form in (_DOCKER if tool == "docker" else _KUBECTL).items():
        yield name, form.replace("{rest}", rest)
    yield "alias", f"shopt -s expand_aliases\nalias task='{tool} {verb}'\ntask {text(words)}"
    yield "function", f'task() {{ {tool} "$@"; }}\ntask {rest}'
    yield "positional", f'(set -- {rest}; {tool} "$@")'
