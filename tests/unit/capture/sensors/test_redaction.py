"""Values are taken out of the logs, and nothing else is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.capture.sensors.redaction import redact_audit_event, redact_daemon_line, redact_query

SECRET = "hunter2-hunter2"
names = st.text(st.characters(codec="ascii", categories=["L", "Nd"]), min_size=1, max_size=6)
values = st.text(max_size=12).map(lambda text: SECRET + text)
others = st.text(st.sampled_from('ab"\\=,[]{}:\n\u00e9'), max_size=10)


def go_quoted(text: str) -> str:
    """As strconv.Quote of Go does, for a text without control characters: JSON has none."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def go_unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


@given(st.lists(st.tuples(names, values)), others, st.lists(names), st.sampled_from(["Env", "env"]))
def test_the_values_of_variables_leave_the_daemons_log(
    variables: list[tuple[str, str]], command: str, unset: list[str], key: str
) -> None:
    env = [f"{name}={value}" for name, value in variables]
    body = {"Cmd": [command, "A=b"], key: env + unset, "HostConfig": {"Binds": [command], "EnvX": ["A=b"]}}
    head = 'time="2026-11-24T11:55:24Z" level=debug msg='
    for prefix in ("form data: ", ""):
        line = head + go_quoted(prefix + json.dumps(body, ensure_ascii=False, separators=(",", ":")))
        found = redact_daemon_line(line.encode(errors="replace")).decode()
        assert SECRET not in found
        assert found.startswith(head + '"' + prefix)
        said = json.loads(go_unquoted(found[len(head) :])[len(prefix) :])
        assert said == body | {key: [f"{name}=***" for name, _ in variables] + unset}


@pytest.mark.parametrize(
    "line",
    [
        b'time="t" level=debug msg="form data: {\\"Env\\":null,\\"Image\\":\\"a=b\\"}"',
        b'time="t" level=debug msg="Calling GET /v1.41/images/a/json?name=b"',
        b"\xff\xfe not a line of the log",
        b"",
    ],
)
def test_other_lines_stay_as_they_are(line: bytes) -> None:
    assert redact_daemon_line(line) == line


def test_build_arguments_leave_a_requests_query() -> None:
    path = "/v1.41/build?buildargs=%7B%22TOKEN%22%3A%22hunter2%22%7D&t=a"
    assert redact_query(path) == "/v1.41/build?buildargs=***&t=a"
    line = f'time="t" level=debug msg="Calling POST {path}"'.encode()
    assert redact_daemon_line(line) == b'time="t" level=debug msg="Calling POST /v1.41/build?buildargs=***&t=a"'
    assert redact_query("/v1.41/containers/json?all=1") == "/v1.41/containers/json?all=1"


def event(resource: str, body: Any, key: str = "requestObject", subresource: str = "") -> bytes:
    reference = {"resource": resource, "subresource": subresource}
    return json.dumps({"verb": "create", "objectRef": reference, key: body}, separators=(",", ":")).encode()


def pod(value: Any) -> dict[str, Any]:
    env = [{"name": "A", "value": value}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "n", "key": "k"}}}]
    return {"spec": {"containers": [{"name": "c", "image": "i", "env": env, "command": ["sh", "value"]}]}}


@given(values)
def test_the_values_of_variables_leave_the_audit_log(value: str) -> None:
    applied = {
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(pod(value))}}
    }
    found = json.loads(redact_audit_event(event("pods", pod(value) | applied)))["requestObject"]
    assert SECRET not in json.dumps(found)
    assert found["spec"] == pod("***")["spec"]
    assert json.loads(next(iter(found["metadata"]["annotations"].values()))) == pod("***")


@pytest.mark.parametrize(
    "line",
    [
        event("secrets", {"data": {"a": SECRET}, "stringData": {"b": SECRET}}),
        event("secrets", {"items": [{"data": {"a": SECRET}}]}, "responseObject"),
        event("serviceaccounts", {"status": {"token": SECRET}}, "responseObject", "token"),
        event("pods", [{"op": "add", "path": "/spec/containers/0/env/-", "value": {"name": "A", "value": SECRET}}]),
        event("pods", [{"op": "replace", "path": "/spec/containers/0/env/0/value", "value": SECRET}]),
        event("runners", {"spec": {"env": {"A": SECRET}}}),
        event("pods", {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET}}}),
    ],
)
def test_what_a_foreign_audit_policy_lets_through_is_taken_out(line: bytes) -> None:
    found = redact_audit_event(line)
    assert SECRET.encode() not in found
    assert b"***" in found
    assert json.loads(found)["verb"] == "create"


@pytest.mark.parametrize(
    "line",
    [
        event("pods", {"spec": {"containers": [{"command": ["a"], "securityContext": {"privileged": True}}]}}),
        b'{"requestObject":{ "broken',
        b'["requestObject":{}]',
        b'{"verb": "list",  "objectRef": {"resource": "secrets"}}',
    ],
)
def test_other_events_stay_byte_for_byte(line: bytes) -> None:
    assert redact_audit_event(line) == line
