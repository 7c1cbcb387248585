"""What the daemon's answers tell. The streams are those of Docker Engine 20.10."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sensors.docker.daemon_answers import (
    configuration,
    made_container,
    made_image,
    tells_what_was_made,
    unchunk,
)

ID = "sha256:" + "a" * 64
PULL = "/v1.41/images/create?fromImage=127.0.0.1%3A5000%2Fbox&tag=local"


def stream(*messages: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\r\n" for message in messages)


@pytest.mark.parametrize("verb", ["Downloaded newer image", "Image is up to date"])
def test_what_was_pulled_is_named_as_the_daemon_names_it(verb: str) -> None:
    body = stream({"status": "Pulling from box", "id": "local"}, {"status": f"Status: {verb} for 127.0.0.1:5000/box:x"})
    assert made_image(PULL, 200, body) == "127.0.0.1:5000/box:x"


def test_what_failed_on_the_way_was_not_made() -> None:
    said = {"errorDetail": {"message": "manifest unknown"}, "error": "manifest unknown"}
    assert made_image(PULL, 200, stream({"status": "Pulling from box"}, said)) is None
    assert made_image("/build", 200, stream({"stream": "Step 1/1 : FROM box"}, said)) is None
    assert made_image(PULL, 404, stream({"message": "Status: no image for x"})) is None


def test_a_build_tells_the_id_and_a_push_what_it_pushed() -> None:
    assert made_image("/v1.41/build?t=x", 200, stream({"stream": "Step"}, {"aux": {"ID": ID}})) == ID
    pushed = stream({"status": "local: digest"}, {"progressDetail": {}, "aux": {"Tag": "local", "Digest": ID}})
    assert made_image("/v1.41/images/127.0.0.1:5000/a/box/push?tag=local", 200, pushed) == "127.0.0.1:5000/a/box:local"


def test_a_container_is_told_by_a_create_alone() -> None:
    body = b'{"Id":"c","Warnings":[]}\n'
    assert made_container("/v1.41/containers/create?name=x", 201, body) == "c"
    assert made_container("/v1.41/containers/create", 409, body) is None
    assert made_container("/v1.41/containers/x/exec", 201, body) is None


@pytest.mark.parametrize(
    ("method", "path", "tells"),
    [
        ("POST", "/containers/create", True),
        ("POST", "/v1.41/build?t=x", True),
        ("POST", PULL, True),
        ("POST", "/v1.41/images/a/b/push", True),
        ("GET", "/v1.41/images/create", False),
        ("POST", "/v1.41/containers/x/attach", False),
        ("POST", "/v1.41/build/prune", False),
    ],
)
def test_only_what_makes_something_is_read(method: str, path: str, tells: bool) -> None:
    assert tells_what_was_made(method, path) is tells


@given(st.lists(st.binary(min_size=1)), st.integers(min_value=0))
def test_chunks_are_joined_and_a_cut_loses_no_more_than_what_is_cut(parts: list[bytes], cut: int) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    whole = b"".join(parts)
    assert unchunk(body) == whole
    assert whole.startswith(unchunk(body[:cut]))


@given(st.binary(), st.text())
def test_no_answer_breaks_the_reader(body: bytes, path: str) -> None:
    unchunk(body)
    for place in (path, PULL, "/build", "/images/x/push", "/containers/create"):
        made_image(place, 200, body)
        made_container(place, 201, body)


@given(
    st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["HostConfig", "Env", "Cmd", "Binds"]), inner),
    ).map(lambda body: json.dumps(body).encode())
)
def test_no_body_of_a_request_breaks_the_reader(body: bytes) -> None:
    found = configuration(body)
    assert found is None or isinstance(found["HostConfig"], dict)
