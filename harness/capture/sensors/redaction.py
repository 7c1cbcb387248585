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
_ENV = re.compile(rb'(?i)\\"Env\\":\[(?:' + _STRING + rb",?)*\]")
_ENTRY = re.compile(rb'(\\"(?:(?!=)(?:' + _TOKEN + rb"))*=)(?:" + _TOKEN + rb')*(\\")')
# `docker build --build-arg NAME` takes the value from the environment, and the request has it in its query.
_QUERY = re.compile(rb"""(?i)([?&]buildargs=)[^&\s"'\\]+""")

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KEEPS_SECRETS = ("secrets", "configmaps")
_BODIES = ("requestObject", "responseObject")


def redact_query(path: str) -> str:
    """The path of a request to the daemon without the values of build arguments."""
    return _QUERY.sub(rb"\1" + TAKEN_OUT.encode(), path.encode()).decode()


def redact_daemon_line(line: bytes) -> bytes:
    """A line of the Docker daemon's log."""
    line = _QUERY.sub(rb"\1" + TAKEN_OUT.encode(), line)
    return _ENV.sub(lambda found: _ENTRY.sub(rb"\1" + TAKEN_OUT.encode() + rb"\2", found[0]), line)


def redact_audit_event(line: bytes) -> bytes:
    """An event of the Kubernetes audit log, which holds bodies where its policy asks for them."""
    if not (b'Object":{' in line or b'Object":[' in line):  # requestObject, responseObject
        return line
    try:
        event = json.loads(line)
    except ValueError:  # it is for the sensor's health to say so
        return line
    if not isinstance(event, dict):
        return line
    reference = event.get("objectRef") or {}
    secret = reference.get("resource") in _KEEPS_SECRETS or reference.get("subresource") == "token"
    redacted = event | {key: _redacted(event[key], secret=secret) for key in _BODIES if key in event}
    return line if redacted == event else json.dumps(redacted, separators=(",", ":")).encode()


def _redacted(value: Any, *, secret: bool) -> Any:
    """A body without values of variables; of a `secret` also without what it holds."""
    if isinstance(value, list):
        return [_redacted(each, secret=secret) for each in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, each in value.items():
        if key == "env" or (key == "value" and "/env" in str(value.get("path"))):  # the latter of a JSON patch
            found[key] = _without_values(each)
        elif secret and key in ("data", "stringData", "binaryData") and isinstance(each, dict):
            found[key] = dict.fromkeys(each, TAKEN_OUT)
        elif secret and key == "token":
            found[key] = TAKEN_OUT
        elif key == _APPLIED:
            found[key] = _applied(each, secret=secret)
        else:
            found[key] = _redacted(each, secret=secret)
    return found


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
    except (TypeError, ValueError):
        return TAKEN_OUT
