"""Requests to the daemon's socket without a client of Docker's: by curl, Python or Perl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from harness.evasion import program
from harness.evasion.configuration import configuration
from harness.evasion.meaning import ContainerCreation, ContainerExec, Meaning, Way
from harness.evasion.shell_words import literals, quote

_CURL = "curl -sS --unix-socket \"${DOCKER_HOST#unix://}\" -H 'Content-Type: application/json'"
# Both languages define a function `call(METHOD, PATH, BODY)` that returns the daemon's answer.
_PYTHON = """import http.client, os, re, socket, sys
def call(method, path, body):
    connection = http.client.HTTPConnection("docker")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(os.environ["DOCKER_HOST"][7:])
    connection.request(method, path, body, {"Content-Type": "application/json"})
    return connection.getresponse().read().decode(errors="replace")
"""
_PERL = r"""use IO::Socket::UNIX;
sub call {
  my ($method, $path, $body) = @_;
  my $socket = IO::Socket::UNIX->new(Peer => substr($ENV{DOCKER_HOST}, 7)) or die;
  printf $socket "%s %s HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
    $method, $path, length $body, $body;
  return join "", <$socket>;
}
"""


@dataclass(frozen=True)
class _Requests:
    """A first request, whose answer holds the id of what it made, and further requests with that `{id}`.

    `about` is a shell word for `{about}` in the first path. The paths are of the Docker Engine API.
    """

    path: str
    body: str
    further: tuple[tuple[str, str], ...]
    about: str = ""


def ways(meaning: Meaning) -> Iterator[Way]:
    """For containers with a fully known configuration, and for commands in a container without options."""
    requests = None
    if isinstance(meaning, ContainerCreation):
        requests = _creation(meaning)
    elif isinstance(meaning, ContainerExec) and not meaning.options:
        requests = _exec(meaning)
    if requests is None:
        return
    yield "curl", _curl(requests, "http://docker")
    yield "curl-versioned", _curl(requests, "http://docker/v1.40")
    yield "curl-body-from-stdin", f"printf %s {quote(requests.body)} |\n" + _curl(requests, "http://localhost", "@-")
    yield "python", program.in_argument(_python(requests), requests.about or "''")
    yield "python-stdin", program.from_stdin(_python(requests), requests.about or "''")
    yield "perl", f"perl -e {quote(_perl(requests))} {requests.about}".rstrip()


def _creation(creation: ContainerCreation) -> _Requests | None:
    container = configuration(creation)
    if container is None:
        return None
    further: list[tuple[str, str]] = []
    if creation.verb == "run":
        further.append(("/containers/{id}/start", ""))
        if not creation.has("detach"):
            # No wait for the removal: Docker 20.10 never answers if the removal has begun before the request. If the
            # container is already removed, the answer is 404, which is fine.
            further.append(("/containers/{id}/wait?condition=not-running", ""))
    return _Requests("/containers/create", json.dumps(container.body()), tuple(further))


def _exec(attack: ContainerExec) -> _Requests | None:
    command = literals(attack.command)
    if command is None:
        return None
    body = json.dumps({"AttachStdout": True, "AttachStderr": True, "Cmd": command})
    return _Requests("/containers/{about}/exec", body, (("/exec/{id}/start", "{}"),), attack.container)


def _curl(requests: _Requests, host: str, body: str = "") -> str:
    path = requests.path.replace("{about}", requests.about)
    first = f"{_CURL} --fail --data {body or quote(requests.body)} {host}{path}"
    if not requests.further:
        return first
    lines = [f"{first} |\n  grep -o '[0-9a-f]\\{{64\\}}' >\"$HOME/answer\"", 'read -r made <"$HOME/answer"']
    for path, data in requests.further:
        lines.append(f'{_CURL} --output - --data {quote(data)} "{host}{path.replace("{id}", "$made")}"')
    return "\n".join(lines)


def _python(requests: _Requests) -> str:
    path = json.dumps(requests.path).replace("{about}", '" + sys.argv[1] + "')
    lines = [f'made = re.search("[0-9a-f]{{64}}", call("POST", {path}, {json.dumps(requests.body)}))[0]']
    lines += [f'call("POST", f"{path.replace("{id}", "{made}")}", "{data}")' for path, data in requests.further]
    return _PYTHON + "\n".join(lines)


def _perl(requests: _Requests) -> str:
    path = json.dumps(requests.path).replace("{about}", "$ARGV[0]")
    lines = [f'call("POST", {path}, q({requests.body})) =~ /[0-9a-f]{{64}}/ or die;', "my $made = $&;"]
    lines += [f'call("POST", "{path.replace("{id}", "$made")}", "{data}");' for path, data in requests.further]
    return _PERL + "\n".join(lines)
