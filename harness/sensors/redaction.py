"""Redaction of a log before it is recorded: the values of environment variables, secrets and tokens.

Names stay, values become `***`. A line without such values stays the same, byte for byte. Lines come without their
line end.
"""

from __future__ import annotations

import json
import re
from typing import Any

from harness.recording.masking import TAKEN_OUT

# The daemon logs a request's JSON as a Go string (strconv.Quote): there, a quote is \" and a backslash is \\.
_TOKEN = rb"""[^"\\]|\\[^"\\]|\\\\(?:[^"\\]|\\.)"""
_STRING = rb'\\"(?:' + _TOKEN + rb')*\\"'
_BLANK = rb"(?:\s|\\[nrt])*"
_ENV = re.compile(
    rb'(?i)\\"Env\\"' + _BLANK + rb":" + _BLANK + rb"\[(?:" + _BLANK + _STRING + _BLANK + rb",?)*" + _BLANK + rb"\]"
)
_ENTRY = re.compile(rb'(\\"(?:(?!=)(?:' + _TOKEN + rb"))*=)(?:" + _TOKEN + rb')*(\\")')
# `docker build --build-arg NAME` takes the value from the environment, and the request has it in its query.
_QUERY = re.compile(rb"""(?i)([?&]buildargs=)[^&\s"'\\]+""")

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KEEPS_SECRETS = ("secrets", "configmaps", "tokenreviews", "certificatesigningrequests")
_SECRET_KINDS = ("Secret", "SecretList", "ConfigMap", "ConfigMapList", "TokenReview", "TokenRequest")
# The values of these are taken out of any object. Names are compared without case: a client may misspell them.
_SECRET_KEYS = {"token", "bearertoken", "accesstoken", "refreshtoken", "idtoken", "password", "passwd", "privatekey"}
_SECRET_KEYS |= {"clientsecret", "auth", "identitytoken", "registrytoken"}
# The fields of an object that keeps secrets; the last two are a certificate request's.
_DATA = ("data", "stringdata", "binarydata", "request", "certificate")
_BODIES = ("requestObject", "responseObject")
_TOKEN_IN_URI = re.compile(r"(?i)([?&](?:access_)?token=)[^&#\"]+")
# A string value in JSON, up to its end or the end of the line.
_VALUE = re.compile(rb"""([:,\[]\s*)"(?:[^"\\]|\\.)*(?:"(?!\s*:)|\\?$)""")


def redact_query(path: str) -> str:
    """The path of a request to the Docker daemon, without the values of build arguments."""
    return _QUERY.sub(rb"\1" + TAKEN_OUT.encode(), path.encode()).decode()


def redact_daemon_line(line: bytes) -> bytes:
    """A line of the Docker daemon's log, redacted."""
    line = _QUERY.sub(rb"\1" + TAKEN_OUT.encode(), line)
    return _ENV.sub(lambda env: _ENTRY.sub(rb"\1" + TAKEN_OUT.encode() + rb"\2", env[0]), line)


def redact_audit_event(line: bytes) -> bytes:
    """An event of the Kubernetes audit log, redacted. It holds bodies where the audit policy asks for them.

    A line that is cut off, or has a name twice, can't be parsed. It loses every string after the beginning of a body.
    """
    if b"Object" not in line and b"oken=" not in line.lower():
        return line
    try:
        event = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):  # health reports the damaged line
        head, body, tail = line.partition(b'Object"')
        head = _TOKEN_IN_URI.sub(rf"\g<1>{TAKEN_OUT}", head.decode("latin-1")).encode("latin-1")
        return head + body + _VALUE.sub(rb'\1"' + TAKEN_OUT.encode() + b'"', tail)
    if not isinstance(event, dict):
        return line
    redacted = event | {key: _body(event, key) for key in _BODIES if key in event}
    if isinstance(uri := event.get("requestURI"), str):
        redacted["requestURI"] = _TOKEN_IN_URI.sub(rf"\g<1>{TAKEN_OUT}", uri)
    return line if redacted == event else json.dumps(redacted, separators=(",", ":")).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object with distinct names. Raises ValueError: of two equal names one would be redacted, but both recorded."""
    once = dict(pairs)
    if len(once) != len(pairs):
        raise ValueError("a name occurs twice")
    return once


def _body(event: dict[str, Any], key: str) -> Any:
    reference = event.get("objectRef")
    reference = reference if isinstance(reference, dict) else {}
    secret = reference.get("resource") in _KEEPS_SECRETS or reference.get("subresource") == "token"
    return _redacted(event[key], secret=secret)


def _redacted(value: Any, *, secret: bool) -> Any:
    """A body without the values of variables; with `secret` also without the content of the object."""
    if isinstance(value, list):
        return [_redacted(item, secret=secret) for item in value]
    if not isinstance(value, dict):
        return value
    secret = secret or value.get("kind") in _SECRET_KINDS
    named = {key.lower(): held for key, held in value.items()}
    path = str(named["path"]) if "op" in named and "path" in named else None  # of a JSON patch
    redacted: dict[str, Any] = {}
    for key, held in value.items():
        name = key.lower()
        if name == "value" and path is not None:
            redacted[key] = _patched(held, path, secret)
        elif name == "env":
            redacted[key] = _without_values(held)
        elif secret and name in _DATA:
            redacted[key] = _without_content(held)
        elif name in _SECRET_KEYS and isinstance(held, str):
            redacted[key] = TAKEN_OUT
        elif key == _APPLIED:
            redacted[key] = _applied(held, secret=secret)
        else:
            redacted[key] = _redacted(held, secret=secret)
    return redacted


def _without_content(held: Any) -> Any:
    """The content of an object: names without values."""
    return dict.fromkeys(held, TAKEN_OUT) if isinstance(held, dict) else TAKEN_OUT


def _patched(value: Any, path: str, secret: bool) -> Any:
    """The value that a JSON patch (RFC 6902) puts at a path, redacted: an object, a part of one, or a text."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]
    names = [step.lower() for step in steps]
    if "env" in names:
        return _without_values(value)
    if secret and any(name in _DATA for name in names):
        return _without_content(value)
    if steps[-1] == _APPLIED:
        return _applied(value, secret=secret)
    if isinstance(value, dict | list):
        return _redacted(value, secret=secret)
    return TAKEN_OUT if secret or names[-1] in _SECRET_KEYS else value


def _without_values(env: Any) -> Any:
    """Variables of a container, `[{"name", "value"}]` or one of them. A `valueFrom` stays: it holds no value."""
    if isinstance(env, list):
        return [_without_values(variable) for variable in env]
    if isinstance(env, dict) and "name" in env:
        return env | {"value": TAKEN_OUT} if "value" in env else env
    if isinstance(env, dict):  # of a custom resource: `{NAME: value}`
        return dict.fromkeys(env, TAKEN_OUT)
    return TAKEN_OUT if isinstance(env, str) else env  # a JSON patch may replace only a value


def _applied(text: Any, *, secret: bool) -> Any:
    try:
        return json.dumps(_redacted(json.loads(text), secret=secret))
    except (TypeError, ValueError, RecursionError):
        return TAKEN_OUT
