"""What is taken out of a log before it is recorded: the values of environment variables, secrets and tokens.

Names stay, values become `***`. A line in which there is nothing to take out stays as it was, byte for byte. Lines are
without their end.
"""

from __future__ import annotations

import json
import re
from typing import Any

TAKEN_OUT = "***"

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
# The values of these are taken out whatever holds them; names are compared without case.
_SECRET_KEYS = {"token", "bearertoken", "accesstoken", "refreshtoken", "idtoken", "password", "passwd", "privatekey"}
_SECRET_KEYS |= {"clientsecret", "auth", "identitytoken", "registrytoken"}
# Of an object that keeps secrets; the last two of a certificate's request.
_DATA = ("data", "stringData", "binaryData", "request", "certificate")
_BODIES = ("requestObject", "responseObject")
_TOKEN_IN_URI = re.compile(r"(?i)([?&](?:access_)?token=)[^&#]+")
# What stands where JSON has a string as value, to its end or to that of the line.
_VALUE = re.compile(rb"""([:,\[]\s*)"(?:[^"\\]|\\.)*(?:"(?!\s*:)|\\?$)""")


def redact_query(path: str) -> str:
    """The path of a request to the daemon without the values of build arguments."""
    return _QUERY.sub(rb"\1" + TAKEN_OUT.encode(), path.encode()).decode()


def without_values(variables: Any) -> list[str]:
    """The variables of a container, `NAME=VALUE` each, by name."""
    return [f"{str(each).partition('=')[0]}={TAKEN_OUT}" for each in variables or []]


def redact_daemon_line(line: bytes) -> bytes:
    """A line of the Docker daemon's log."""
    line = _QUERY.sub(rb"\1" + TAKEN_OUT.encode(), line)
    return _ENV.sub(lambda found: _ENTRY.sub(rb"\1" + TAKEN_OUT.encode() + rb"\2", found[0]), line)


def redact_audit_event(line: bytes) -> bytes:
    """An event of the Kubernetes audit log, which holds bodies where its policy asks for them.

    A line that is cut off can't be understood, and loses every string that follows the beginning of a body.
    """
    if b"Object" not in line and b"oken=" not in line:
        return line
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):  # it is for the sensor's health to say so
        head, body, rest = line.partition(b'Object"')
        return head + body + _VALUE.sub(rb'\1"' + TAKEN_OUT.encode() + b'"', rest)
    if not isinstance(event, dict):
        return line
    redacted = event | {key: _body(event, key) for key in _BODIES if key in event}
    if isinstance(uri := event.get("requestURI"), str):
        redacted["requestURI"] = _TOKEN_IN_URI.sub(rf"\g<1>{TAKEN_OUT}", uri)
    return line if redacted == event else json.dumps(redacted, separators=(",", ":")).encode()


def _body(event: dict[str, Any], key: str) -> Any:
    reference = event.get("objectRef")
    reference = reference if isinstance(reference, dict) else {}
    secret = reference.get("resource") in _KEEPS_SECRETS or reference.get("subresource") == "token"
    return _redacted(event[key], secret=secret)


def _redacted(value: Any, *, secret: bool) -> Any:
    """A body without values of variables; of a `secret` also without what it holds."""
    if isinstance(value, list):
        return [_redacted(each, secret=secret) for each in value]
    if not isinstance(value, dict):
        return value
    secret = secret or value.get("kind") in _SECRET_KINDS
    if "op" in value and "path" in value:  # of a JSON patch
        return value | ({"value": _patched(value["value"], str(value["path"]), secret)} if "value" in value else {})
    found: dict[str, Any] = {}
    for key, each in value.items():
        if key == "env":
            found[key] = _without_values(each)
        elif secret and key in _DATA:
            found[key] = _without_content(each)
        elif key.lower() in _SECRET_KEYS and isinstance(each, str):
            found[key] = TAKEN_OUT
        elif key == _APPLIED:
            found[key] = _applied(each, secret=secret)
        else:
            found[key] = _redacted(each, secret=secret)
    return found


def _without_content(held: Any) -> Any:
    """What an object keeps: the names stay."""
    return dict.fromkeys(held, TAKEN_OUT) if isinstance(held, dict) else TAKEN_OUT


def _patched(value: Any, path: str, secret: bool) -> Any:
    """The value that a JSON patch (RFC 6902) puts at a path: a whole object, a part of one, or a text alone."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]
    if "env" in steps:
        return _without_values(value)
    if secret and any(step in _DATA for step in steps):
        return _without_content(value)
    if steps[-1] == _APPLIED:
        return _applied(value, secret=secret)
    if isinstance(value, dict | list):
        return _redacted(value, secret=secret)
    return TAKEN_OUT if secret or steps[-1].lower() in _SECRET_KEYS else value


def _without_values(env: Any) -> Any:
    """Variables of a container, `[{"name", "value"}]` or one of them; a `valueFrom` only says where the value lies."""
    if isinstance(env, list):
        return [_without_values(each) for each in env]
    if isinstance(env, dict) and "name" in env:
        return env | {"value": TAKEN_OUT} if "value" in env else env
    if isinstance(env, dict):  # of a custom resource: `{NAME: value}`
        return dict.fromkeys(env, TAKEN_OUT)
    return TAKEN_OUT if isinstance(env, str) else env  # a JSON patch may replace a value alone


def _applied(text: Any, *, secret: bool) -> Any:
    try:
        return json.dumps(_redacted(json.loads(text), secret=secret))
    except (TypeError, ValueError, RecursionError):
        return TAKEN_OUT
