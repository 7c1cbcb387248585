"""Whose a request to the API server is, by the identity that it came with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.attribution.identities import Identities, read_identities
from harness.telemetry.attribution.pods import Runners
from harness.telemetry.readers.seen_pods import read_pods
from harness.telemetry.schema import ambiguous

ATTACK, OTHER = "T1/a", "T1/b"
AT = 1767225601.0  # 2026-01-01T00:00:01Z
USERS = {"sa-of-a": ATTACK, "sa-of-b": OTHER, "admin": "harness"}
ACCOUNT = "system:serviceaccount:web:default"
EXTRA = "authentication.kubernetes.io/"


def event(user: str, verb: str, resource: str, name: str = "", below: str = "", **more: Any) -> dict[str, Any]:
    extra = more.pop("extra", None)
    return {
        "kind": "Event",
        "verb": verb,
        "user": {"username": user} | ({"extra": extra} if extra else {}),
        "objectRef": {"resource": resource, "namespace": "web", "name": name, "subresource": below},
        "requestReceivedTimestamp": "2026-01-01T00:00:01.000000Z",
        "stageTimestamp": "2026-01-01T00:00:02.000000Z",
        "stage": "ResponseComplete",
        "responseStatus": {"code": 200},
    } | more


def identities(running: str = ATTACK) -> Identities:
    """An attack, if any, runs from AT for 9 seconds, and canaries are sent in that time only."""
    return Identities(
        USERS,
        lambda at: running if AT <= at <= AT + 9 else "",
        lambda verb, uri, at: verb == "get" and uri == "/canary" and AT <= at <= AT + 9,
    )


def slices(*events: dict[str, Any], running: str = ATTACK) -> list[str]:
    return read_identities(identities(running), [json.dumps(each).encode() for each in events])


TOKEN = event("sa-of-a", "create", "serviceaccounts", "default", "token")
USED = event(ACCOUNT, "list", "secrets")


def test_a_token_that_an_atomic_was_given_is_its_own() -> None:
    assert slices(USED, running="") == ["background"]
    assert slices(TOKEN, USED) == [ATTACK, ATTACK]


@pytest.mark.parametrize(
    "before",
    [USED, event("mallory", "create", "serviceaccounts", "default", "token")],
    ids=["used", "given to another"],
)
def test_an_account_that_somebody_else_uses_tells_nothing(before: dict[str, Any]) -> None:
    assert slices(before, TOKEN, USED) == ["background", ATTACK, ambiguous(ATTACK)]


@pytest.mark.parametrize("running", [ATTACK, OTHER])
def test_of_two_atomics_that_were_given_a_token_either_may_use_it(running: str) -> None:
    given_to = event("sa-of-b", "create", "serviceaccounts", "default", "token")
    assert slices(TOKEN, given_to, USED, running=running)[-1] == ambiguous(ATTACK, OTHER)


@pytest.mark.parametrize("code", [300, 403, None])
def test_a_token_that_was_refused_is_none(code: int | None) -> None:
    assert slices(TOKEN | {"responseStatus": {"code": code}}, USED) == [ATTACK, "background"]


@pytest.mark.parametrize("credential", ["JTI=1", [], None])
def test_a_credential_that_is_told_in_another_form_tells_nothing(credential: object) -> None:
    used = event(ACCOUNT, "list", "secrets", extra={f"{EXTRA}credential-id": credential})
    assert slices(TOKEN, used) == [ATTACK, ATTACK]


def test_a_credential_has_an_id_of_its_own_where_the_server_tells_it() -> None:
    given_out = TOKEN | {"annotations": {f"{EXTRA}issued-credential-id": "JTI=1"}}
    mine, theirs = (event(ACCOUNT, "list", "secrets", extra={f"{EXTRA}credential-id": [f"JTI={n}"]}) for n in (1, 2))
    assert slices(USED, given_out, mine, theirs) == ["background", ATTACK, ATTACK, "background"]


def test_an_account_that_an_atomic_made_is_its_own_and_so_is_what_that_makes() -> None:
    made = event("sa-of-a", "create", "serviceaccounts", "new")
    further = event("system:serviceaccount:web:new", "create", "serviceaccounts", "next")
    used = event("system:serviceaccount:web:next", "get", "pods")
    assert slices(made, further, used) == [ATTACK] * 3


def test_a_request_out_of_a_pod_is_that_of_who_made_the_pod() -> None:
    made = event("sa-of-a", "create", "pods", "p")
    asks = [event(ACCOUNT, "get", "secrets", extra={f"{EXTRA}pod-name": [name]}) for name in ("p", "q")]
    assert slices(USED, made, *asks)[2:] == [ATTACK, "background"]


POD: dict[str, Any] = {"requestObject": {"spec": {"serviceAccountName": "builder"}}}
BUILDER = "system:serviceaccount:web:builder"


def runners(*lines: dict[str, Any]) -> Runners:
    """From a watch on pods."""
    seen = {"time": 1.0, "namespace": "web", "account": "builder", "address": "", "container_ids": []}
    return Runners.of(read_pods([json.dumps(seen | each) for each in lines]))


def by_pods(found: Runners, *events: dict[str, Any]) -> list[str]:
    known = Identities(USERS, lambda _: ATTACK, lambda *_: False, found)
    return read_identities(known, [json.dumps(each).encode() for each in events])


def test_the_account_of_a_pod_that_an_atomic_makes_gives_it_its_token() -> None:
    """Servers before 1.21 put no pod's name into a token."""
    made, asks = event("sa-of-a", "create", "pods", "p", **POD), event(BUILDER, "list", "secrets")
    assert slices(made, asks) == [ATTACK, ATTACK]
    assert slices(asks, made, asks) == ["background", ATTACK, ambiguous(ATTACK)]
    assert slices(event("mallory", "create", "pods", "q", **POD), made, asks)[2] == ambiguous(ATTACK)
    assert slices(event("mallory", "create", "pods", "q", **POD), asks)[1] == "background"
    assert slices(event("sa-of-a", "create", "pods", "p"), USED) == [ATTACK, ATTACK]  # `default`
    assert slices(event("sa-of-a", "create", "pods", "p"), asks) == [ATTACK, "background"]
    assert slices(event("admin", "create", "pods", "p", **POD), asks) == ["harness", "background"]


def test_the_account_of_a_pod_is_told_by_the_watch_where_the_request_has_no_body() -> None:
    made, asks = event("sa-of-a", "create", "pods", "p"), event(BUILDER, "list", "secrets")
    assert by_pods(runners({"name": "p"}), made, asks) == [ATTACK, ATTACK]


def test_a_pod_that_was_there_before_may_have_asked_by_its_account_too() -> None:
    made, asks = event("sa-of-a", "create", "pods", "p", **POD), event(BUILDER, "list", "secrets")
    assert by_pods(runners({"name": "p"}, {"name": "old"}), made, asks) == [ATTACK, ambiguous(ATTACK)]
    assert by_pods(runners({"name": "p"}, {"name": "old", "account": "other"}), made, asks) == [ATTACK, ATTACK]
    token = event("sa-of-a", "create", "serviceaccounts", "builder", "token")
    refused = made | {"responseStatus": {"code": 409}}
    assert by_pods(runners({"name": "p"}), refused, token, asks)[1:] == [ATTACK, ambiguous(ATTACK)]
    assert by_pods(runners({"name": "old"}), token, asks) == [ATTACK, ambiguous(ATTACK)]


def test_the_address_of_a_pod_tells_which_one_asks() -> None:
    made = event("sa-of-a", "create", "pods", "p", **POD)
    found = runners({"name": "p", "address": "10.0.0.1"}, {"name": "old", "address": "10.0.0.2"})
    asks = [event(BUILDER, "list", "secrets", sourceIPs=[address]) for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3")]
    assert by_pods(found, made, *asks)[1:] == [ATTACK, "background", ambiguous(ATTACK)]
    for user in ("system:anonymous", "mallory"):  # whoever it says that it is
        asks_so = event(user, "list", "secrets", sourceIPs=["10.0.0.1"])
        assert by_pods(found, made, asks_so)[1] == ATTACK
    given_anew = runners({"name": "p", "address": "10.0.0.1"}, {"name": "old", "address": "10.0.0.1"})
    assert by_pods(given_anew, made, asks[0])[1] == ambiguous(ATTACK)


def test_who_executes_in_anothers_pod_may_ask_from_there() -> None:
    found = runners({"name": "old", "address": "10.0.0.2"})
    exec_ = event("sa-of-a", "create", "pods", "old", "exec")
    asks = event(BUILDER, "list", "secrets", sourceIPs=["10.0.0.2"])
    assert by_pods(found, asks) == ["background"]
    assert by_pods(found, exec_, asks) == [ATTACK, ambiguous(ATTACK)]


def bound(pod: str, address: str = "", user: str = BUILDER) -> dict[str, Any]:
    """A request with a pod's own token."""
    sent: dict[str, Any] = {"sourceIPs": [address]} if address else {}
    return event(user, "list", "secrets", extra={f"{EXTRA}pod-name": [pod]}, **sent)


@pytest.mark.parametrize("below", ["exec", "attach", "ephemeralcontainers", "portforward", "proxy"])
def test_who_has_reached_into_a_pod_may_ask_with_its_token_too(below: str) -> None:
    prepared = event("admin", "create", "pods", "p", **POD)
    reached = event("sa-of-a", "create", "pods", "p", below)
    assert slices(prepared, bound("p"), reached, bound("p"))[1::2] == ["harness", ambiguous(ATTACK)]
    assert slices(reached, bound("p"))[1] == ambiguous(ATTACK)  # a pod that was there before
    assert slices(prepared, reached, bound("q"))[2] == "background"
    own = event("sa-of-a", "create", "pods", "p", **POD)
    assert slices(own, reached, bound("p"))[2] == ATTACK
    by_another = event("sa-of-b", "create", "pods", "p", below)
    assert slices(own, by_another, bound("p"))[2] == ambiguous(ATTACK, OTHER)
    refused = reached | {"responseStatus": {"code": 403}}
    assert slices(prepared, refused, bound("p"))[2] == "harness"


def test_what_was_started_in_a_pod_may_ask_when_the_request_that_started_it_has_ended() -> None:
    prepared, reached = event("admin", "create", "pods", "p", **POD), event("sa-of-a", "create", "pods", "p", "exec")
    later = {"requestReceivedTimestamp": "2026-01-01T00:00:08Z"}
    found = runners({"name": "p", "address": "10.0.0.1"})
    asks = event(BUILDER, "list", "secrets", sourceIPs=["10.0.0.1"])
    assert by_pods(found, prepared, asks, reached, asks | later)[1::2] == ["harness", ambiguous(ATTACK)]
    before = {"requestReceivedTimestamp": "2026-01-01T00:00:05Z"}
    assert by_pods(found, prepared, reached | later, asks | before)[2] == "harness"


def test_what_is_asked_while_a_request_goes_on_stands_before_it_in_the_log() -> None:
    prepared, reached = event("admin", "create", "pods", "p", **POD), event("sa-of-a", "create", "pods", "p", "exec")
    inside = bound("p") | {"requestReceivedTimestamp": "2026-01-01T00:00:01.5Z"}
    assert slices(prepared, inside, bound("p") | {"requestReceivedTimestamp": "soon"}, reached) == [
        "harness",
        ambiguous(ATTACK),
        ambiguous(ATTACK),
        ATTACK,
    ]


def test_a_first_line_that_tells_no_time_is_the_first() -> None:
    assert slices(TOKEN | {"requestReceivedTimestamp": "soon"}, USED) == [ATTACK, ATTACK]


@pytest.mark.parametrize("user", ["sa-of-a", "system:serviceaccount:web:made"])
def test_who_reached_into_a_pod_may_be_who_asks_in_the_name_of_another_atomic(user: str) -> None:
    made = event("sa-of-a", "create", "serviceaccounts", "made")
    reached = event("sa-of-b", "create", "pods", "p", "exec")
    asks = event(user, "list", "secrets", sourceIPs=["10.0.0.1"])
    found = runners({"name": "p", "address": "10.0.0.1"})
    assert by_pods(found, made, asks, reached, asks)[1::2] == [ATTACK, ambiguous(ATTACK, OTHER)]


def test_a_pods_token_that_comes_from_elsewhere_may_have_been_taken() -> None:
    prepared, made = event("admin", "create", "pods", "p", **POD), event("sa-of-a", "create", "pods", "q", **POD)
    found = runners({"name": "p", "address": "10.0.0.1"}, {"name": "q", "address": "10.0.0.2"})
    asked = [bound("p", address) for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3")]
    assert by_pods(found, prepared, made, *asked)[2:] == ["harness", ambiguous(ATTACK), ambiguous(ATTACK)]
    assert by_pods(runners({"name": "p"}), prepared, asked[2])[1] == "harness"  # of its node's network


def test_that_a_node_asked_for_a_pods_token_makes_it_no_nodes() -> None:
    made = event("sa-of-a", "create", "pods", "p", **POD)
    node, issued = "system:node:n", {"annotations": {f"{EXTRA}issued-credential-id": "JTI=1"}}
    token = event(node, "create", "serviceaccounts", "builder", "token", **issued)
    asks = event(BUILDER, "list", "secrets", extra={f"{EXTRA}pod-name": ["p"], f"{EXTRA}credential-id": ["JTI=1"]})
    assert slices(made, token, asks)[2] == ATTACK
    other = event(BUILDER, "list", "secrets", extra={f"{EXTRA}credential-id": ["JTI=1"]})
    assert slices(made, token, other)[2] == "background"


def test_a_token_that_an_atomic_had_bound_to_anothers_pod_is_its_own() -> None:
    prepared, issued = event("admin", "create", "pods", "p", **POD), {f"{EXTRA}issued-credential-id": "JTI=1"}
    token = event("sa-of-a", "create", "serviceaccounts", "builder", "token", annotations=issued)
    asks = event(BUILDER, "list", "secrets", extra={f"{EXTRA}pod-name": ["p"], f"{EXTRA}credential-id": ["JTI=1"]})
    assert slices(prepared, token, asks)[2] == ATTACK


def test_who_read_secrets_may_have_taken_a_token_from_one() -> None:
    read = event("sa-of-a", "list", "secrets")
    assert slices(read, USED) == [ATTACK, ambiguous(ATTACK)]
    assert slices(USED, read, USED) == ["background", ATTACK, "background"]
    assert slices(read, event("mallory", "list", "secrets")) == [ATTACK, "background"]


@pytest.mark.parametrize("verb", ["get", "list", "watch"])
def test_a_secret_can_be_read_in_three_ways(verb: str) -> None:
    assert slices(event("sa-of-a", verb, "secrets"), USED) == [ATTACK, ambiguous(ATTACK)]


@pytest.mark.parametrize(("verb", "resource"), [("create", "secrets"), ("delete", "secrets"), ("get", "pods")])
def test_who_read_no_secret_has_taken_none(verb: str, resource: str) -> None:
    assert slices(event("sa-of-a", verb, resource), USED) == [ATTACK, "background"]


def test_a_token_may_be_stolen_only_while_the_attack_runs_that_read_it() -> None:
    late = {"requestReceivedTimestamp": "2026-01-01T00:01:00Z"}
    assert slices(event("sa-of-a", "list", "secrets"), USED | late) == [ATTACK, "background"]
    assert slices(event("sa-of-a", "list", "secrets"), USED | {"requestReceivedTimestamp": "soon"})[1] == "background"


def test_a_canary_is_livefires_whoever_sends_it() -> None:
    canary = event("anybody", "get", "configmaps", requestURI="/canary")
    late = {"requestReceivedTimestamp": "2026-01-01T00:01:00Z"}
    others = [canary | {"verb": "list"}, canary | {"requestURI": "/c"}, canary | late]
    assert slices(canary, *others) == ["harness", "background", "background", "background"]
    assert slices(event("sa-of-a", "get", "configmaps", requestURI="/canary")) == [ATTACK]  # an attack's stays its own


def test_what_looks_like_a_canary_at_another_time_teaches_nothing_of_livefires_client() -> None:
    late = {"requestReceivedTimestamp": "2026-01-01T00:01:00Z"}
    canary = event("admin", "get", "configmaps", requestURI="/canary", userAgent="livefire")
    listed = event("admin", "list", "secrets", userAgent="kubectl")
    assert slices(canary | late, listed) == ["harness", "harness"]
    assert slices(canary, listed) == ["harness", ambiguous(ATTACK)]


def test_a_line_that_is_no_event_is_nobodys() -> None:
    lines = [b"no JSON", b"[]", b"{}", json.dumps(USED | {"kind": "List"}).encode()]
    assert read_identities(identities(), lines) == ["", "", "", ""]


def test_livefires_own_name_in_anothers_hands_is_not_livefires() -> None:
    ours = event("admin", "get", "configmaps", requestURI="/canary", userAgent="livefire")
    listed = event("admin", "list", "secrets")
    assert slices(ours, listed | {"userAgent": "livefire"}, listed | {"userAgent": "kubectl"}) == [
        "harness",
        "harness",
        ambiguous(ATTACK),
    ]
    assert slices(ours, listed | {"userAgent": "kubectl"}, running="") == ["harness", "harness"]


def test_an_impersonated_user_is_none_of_the_one_that_is_impersonated() -> None:
    assert slices(event("mallory", "list", "secrets", impersonatedUser={"username": "sa-of-a"})) == ["background"]


def test_who_executes_in_a_pod() -> None:
    found = identities()
    exec_ = event("sa-of-a", "get", "pods", "target", "exec", responseStatus={"code": 101})
    found.of(exec_ | {"responseStatus": {"code": 200}})
    at = AT + 0.5
    assert found.executing(("web", "target"), at) == ATTACK
    for edge in (AT - 0.02, AT + 1):  # the runtime may be a little before
        assert found.executing(("web", "target"), edge) == ATTACK
    for beyond in (AT - 0.03, AT + 1.01):
        assert found.executing(("web", "target"), beyond) == ""
    assert found.executing(("web", "other"), at) == ""
    assert found.executing(("web", "target"), at + 5) == ""
    found.of(event("sa-of-b", "create", "pods", "target", "exec"))
    assert found.executing(("web", "target"), at) == ambiguous(ATTACK, OTHER)


def test_who_has_reached_into_a_pod_has_from_right_before_the_request_for_it() -> None:
    found = identities()
    found.of(event("sa-of-a", "create", "pods", "target", "exec"))
    assert [found.reached({("web", "target")}, AT - early) for early in (0.03, 0.02)] == [set(), {ATTACK}]


def test_an_execution_that_has_not_ended_goes_on() -> None:
    found = identities()
    found.of(event("sa-of-a", "create", "pods", "target", "exec", stage="ResponseStarted"))
    assert found.executing(("web", "target"), AT + 1e6) == ATTACK
    assert found.executing(("web", "target"), AT - 1) == ""


@pytest.mark.parametrize(("resource", "below"), [("pods", "portforward"), ("pods", ""), ("services", "exec")])
def test_who_asks_for_something_else_executes_nothing(resource: str, below: str) -> None:
    found = identities()
    found.of(event("sa-of-a", "create", resource, "target", below))
    assert found.executing(("web", "target"), AT + 0.5) == ""


odd = st.recursive(
    st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=5
)


@given(st.sampled_from([*TOKEN, "annotations"]), odd, st.binary())
def test_no_shape_breaks_the_reader(key: str, value: object, line: bytes) -> None:
    pod = {"time": 1.0, "namespace": "web", "name": "p", "account": "a", "address": "", "container_ids": []}
    Runners.of(read_pods([json.dumps(pod | {each: value}) for each in pod])).source(value)
    read_identities(identities(), [json.dumps(TOKEN | {key: value, "kind": "Event"}).encode(), line])
