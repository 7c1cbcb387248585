"""Values are taken out of the logs, and nothing else is."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sensors.redaction import redact_audit_event, redact_daemon_line, redact_query

SECRET = "hunter2-hunter2"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
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


SPELLINGS = [
    lambda text: text,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: json.dumps({"kind": "Secret", "data": {"k": text}}),
]
resources = st.sampled_from(["secrets", "configmaps", "tokenreviews", "pods", "deployments", "runners"])


def holding(secret: str) -> st.SearchStrategy[tuple[str, Any]]:
    """(resource, body) in which a secret lies where the API has secrets."""
    env = st.sampled_from([[{"name": "A", "value": secret}], {"name": "A", "value": secret}, {"A": secret}])
    data = st.tuples(st.sampled_from(["data", "stringData", "binaryData"]), names).map(
        lambda kn: {kn[0]: {kn[1]: secret}}
    )
    keeping = st.sampled_from(["secrets", "configmaps"])
    patch = st.sampled_from(["/data/x", "/stringData/x", "/data", "", "/binaryData/~1etc~1x", "/type"])
    patches = patch.map(
        lambda path: [
            {
                "op": "replace",
                "path": path,
                "value": {"data": {"x": secret}} if path == "" else {"x": secret} if path == "/data" else secret,
            }
        ]
    )
    return st.one_of(
        st.tuples(keeping, data),
        st.tuples(keeping, data.map(lambda body: {"kind": "List", "items": [body, body]})),
        st.tuples(keeping, patches),
        st.tuples(st.just("anything"), data.map(lambda body: {"kind": "Secret"} | body)),
        st.tuples(
            resources, st.sampled_from(["token", "Password", "accessToken"]).map(lambda key: {"spec": {key: secret}})
        ),
        st.tuples(resources, env.map(lambda found: {"spec": {"containers": [{"env": found}]}})),
        st.tuples(resources, env.map(lambda found: [{"op": "add", "path": "/spec/containers/0/env", "value": found}])),
        st.tuples(
            keeping,
            data.map(lambda body: {"metadata": {"annotations": {APPLIED: json.dumps(body)}}}),
        ),
    )


@given(
    st.data(), st.sampled_from(SPELLINGS), st.sampled_from([(",", ":"), (", ", ": "), (" ,  ", " :\t")]), st.booleans()
)
def test_no_secret_survives_in_any_spelling(
    data: st.DataObject, spell: Any, separators: tuple[str, str], ascii: bool
) -> None:
    secret = spell(SECRET + data.draw(st.text(max_size=4)))
    resource, body = data.draw(holding(secret))
    whole = {"verb": "patch", "objectRef": {"resource": resource}, "requestObject": body, "responseObject": body}
    line = json.dumps(whole, separators=separators, ensure_ascii=ascii)
    found = redact_audit_event(line.encode(errors="replace")).decode()
    assert SECRET not in found
    assert base64.b64encode(SECRET.encode()).decode()[:-4] not in found
    assert json.loads(found)["objectRef"] == {"resource": resource}
    for end in range(len(line) // 2, len(line), 7):  # a log that is cut off
        cut = redact_audit_event(line[:end].encode(errors="replace")).decode()
        assert SECRET not in cut


@pytest.mark.parametrize(
    ("resource", "body"),
    [
        ("tokenreviews", {"kind": "TokenReview", "spec": {"token": SECRET}}),
        ("serviceaccounts", {"kind": "TokenRequest", "status": {"token": SECRET}}),
        ("certificatesigningrequests", {"spec": {"request": SECRET}, "status": {"certificate": SECRET}}),
        ("secrets", {"type": "bootstrap.kubernetes.io/token", "stringData": {"token-secret": SECRET}}),
    ],
)
def test_tokens_are_taken_out(resource: str, body: Any) -> None:
    for key in ("requestObject", "responseObject"):
        found = redact_audit_event(event(resource, body, key))
        assert SECRET.encode() not in found
        assert json.loads(found)[key] != body


@pytest.mark.parametrize(
    "body",
    [
        {"op": "add", "path": "/x", "data": {"k": SECRET}},  # a merge patch that has the names of a JSON patch
        {"op": "add", "path": "/x", "spec": {"env": [{"name": "A", "value": SECRET}]}},
        [{"op": "add", "path": "/x", "value": 1, "data": {"k": SECRET}}],
        [{"Op": "add", "PATH": "/Data/k", "Value": SECRET}],
        [{"op": "add", "path": "/StringData", "value": {"k": SECRET}}],
        {"Data": {"k": SECRET}},
        {"STRINGDATA": {"k": SECRET}},
    ],
)
def test_a_body_that_no_server_understands_keeps_no_secret_either(body: Any) -> None:
    assert SECRET.encode() not in redact_audit_event(event("secrets", body))


def test_of_a_name_that_stands_there_twice_neither_value_is_kept() -> None:
    whole = event("secrets", {"data": {"k": SECRET}})
    for line in (whole.replace(b'"data"', b'"data":{},"data"'), whole[:-1] + b',"requestObject":{}}'):
        found = redact_audit_event(line)
        assert SECRET.encode() in line
        assert SECRET.encode() not in found


def test_a_token_leaves_the_uri_of_a_line_that_is_cut_off() -> None:
    line = json.dumps({"requestURI": f"/api/v1/pods?access_token={SECRET}", "verb": "list"})
    for end in range(len(line) - 20, len(line)):
        assert SECRET.encode() not in redact_audit_event(line[:end].encode())
    assert redact_audit_event(b'{"requestURI":"/a?TOKEN=\xff","x') == b'{"requestURI":"/a?TOKEN=***","x'


def test_a_token_leaves_the_uri() -> None:
    line = json.dumps({"requestURI": f"/api/v1/pods?watch=1&access_token={SECRET}&x=1"}).encode()
    assert json.loads(redact_audit_event(line))["requestURI"] == "/api/v1/pods?watch=1&access_token=***&x=1"


def test_variables_of_a_body_with_blanks_leave_the_daemons_log() -> None:
    body = json.dumps({"Image": "i", "Env": ["A=" + SECRET, "B"]}, indent=1)
    for quoted in (go_quoted("form data: " + body).replace("\n", "\\n"), go_quoted(json.dumps(json.loads(body)))):
        found = redact_daemon_line(f'time="t" level=debug msg={quoted}'.encode())
        assert SECRET.encode() not in found
        assert b"A=***" in found
