"""Requests to the cluster's API without kubectl, by curl, openssl or Python, with the token of the kubeconfig."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evasion import program
from harness.evasion.meaning import Meaning, ResourceRead, Way
from harness.evasion.resource import path

# The token goes from a shell builtin into a pipe: in a command line it would end up in every recording.
_SETTINGS = r"""setting() { sed -n "s/^ *$1: *//p" "$KUBECONFIG"; }
server=$(setting server) authority=$(setting certificate-authority) token=$(setting token)
"""
_HEADER = _SETTINGS + 'printf \'header = "Authorization: Bearer %s"\\n\' "$token" |\n  '
_CURL = 'curl -fsS --config - --cacert "$authority"'
_OPENSSL = (
    _SETTINGS + "printf 'GET %s HTTP/1.0\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n' {path} \"$token\" |\n"
    '  openssl s_client -quiet -verify_quiet -verify_return_error -CAfile "$authority" -connect "${server#https://}"'
)
_PROXY = """kubectl proxy --unix-socket="$HOME/proxy" &
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -S "$HOME/proxy" ] || sleep 0.3; done
curl -fsS --unix-socket "$HOME/proxy" http://localhost{path}
kill $!
wait"""
_PYTHON = """import os, re, ssl, sys, urllib.request
found = dict(re.findall(r"^ *([\\w-]+): *(\\S+)$", open(os.environ["KUBECONFIG"]).read(), re.MULTILINE))
request = urllib.request.Request(found["server"] + sys.argv[1])
request.add_header("Authorization", "Bearer " + found["token"])
context = ssl.create_default_context(cafile=found["certificate-authority"])
print(urllib.request.urlopen(request, context=context).read().decode())"""


def ways(meaning: Meaning) -> Iterator[Way]:
    """For a read of a resource. The answer goes to standard output only."""
    resource_path = path(meaning) if isinstance(meaning, ResourceRead) else ""
    if not resource_path:
        return
    yield "curl", f'{_HEADER}{_CURL} "$server"{resource_path}'
    yield "curl-query", f"{_HEADER}{_CURL} \"$server\"{resource_path}'?resourceVersion=0'"
    yield "curl-as-kubectl", f'{_HEADER}{_CURL} --user-agent kubectl/v1.32.4 "$server"{resource_path}'
    yield "openssl", _OPENSSL.replace("{path}", resource_path)
    yield "python", program.in_argument(_PYTHON, resource_path)
    yield "python-stdin", program.from_stdin(_PYTHON, resource_path)
    yield "through-proxy", _PROXY.replace("{path}", resource_path)
