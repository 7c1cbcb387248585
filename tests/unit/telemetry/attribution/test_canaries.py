"""What is Livefire's own canary, and what only looks like one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.model.manifest import Canary, Mark
from harness.recording import open_recording
from harness.telemetry.attribution import Moment
from harness.telemetry.attribution.canaries import Canaries
from tests.conftest import COMMITTED

REAL = open_recording(COMMITTED).manifest
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
AT = STARTED.timestamp()
SEEN, LOST, MINE, ANYWHERE = (f"livefire-canary-{name}" for name in ("seen", "lost", "mine", "anywhere"))


@pytest.fixture
def canaries() -> Canaries:
    """One was seen after a second, one never; two were executed in attacks, one of which had no session."""
    marks = [
        Mark(label="start", token=SEEN, emitted=STARTED, seen=STARTED + timedelta(seconds=1)),
        Mark(label="end", token=LOST, emitted=STARTED, seen=None),
    ]
    sensors = [REAL.sensors[0].model_copy(update={"marks": marks}), REAL.sensors[1].model_copy(update={"marks": []})]
    detonations = []
    for token, session in ((MINE, 7), (ANYWHERE, None)):
        canary = Canary(when="before", name="docker", token=token, pid=50)
        attack = next(each.attack for each in REAL.detonations if each.attack)
        changed = attack.model_copy(update={"session": session, "canaries": [canary]})
        detonations.append(REAL.detonations[0].model_copy(update={"attack": changed}))
    skipped = REAL.detonations[0].model_copy(update={"attack": None})
    change = {"sensors": sensors, "detonations": [skipped, *detonations], "harness_pid": 9}
    return Canaries(REAL.model_copy(update=change))


@pytest.mark.parametrize(
    ("token", "at", "counts"),
    [
        (SEEN, AT, True),
        (SEEN, AT - 0.05, True),
        (SEEN, AT + 1.05, True),
        (SEEN, AT - 0.06, False),
        (SEEN, AT + 1.06, False),
        (LOST, AT + 10.05, True),
        (LOST, AT + 10.06, False),
        ("livefire-canary-0", AT, False),
        ("livefire-canary-0", 0.5, False),
        ("livefire-canary-0", 0.0, False),
        ("livefire-canary-0", 1.0, False),
    ],
)
def test_a_token_counts_while_livefire_puts_it_somewhere(
    canaries: Canaries, token: str, at: float, counts: bool
) -> None:
    assert canaries.asks_api("get", f"/api/v1/namespaces/default/configmaps/{token}", at) is counts
    assert canaries.asks_daemon("POST", f"/v1.41/images/busybox/tag?repo=livefire/canary&tag={token}", at) is counts
    assert canaries.asks_daemon("DELETE", f"/v1.41/images/livefire/canary:{token}", at) is counts
    assert canaries.tags(f"livefire/canary:{token}", at) is counts


@pytest.mark.parametrize(
    ("verb", "uri"),
    [
        ("list", f"/api/v1/namespaces/default/configmaps/{SEEN}"),
        ("get", f"/api/v1/namespaces/other/configmaps/{SEEN}"),
        ("get", f"/api/v1/namespaces/default/secrets/{SEEN}"),
        ("get", f"/api/v1/namespaces/default/configmaps/{SEEN}x"),
        ("get", f"/x/api/v1/namespaces/default/configmaps/{SEEN}"),
        ("get", SEEN),
    ],
)
def test_another_request_to_the_api_server_is_none(canaries: Canaries, verb: str, uri: str) -> None:
    assert not canaries.asks_api(verb, uri, AT)


@pytest.mark.parametrize(
    ("method", "uri", "is_one"),
    [
        ("POST", f"/images/livefire/box:1/tag?tag={SEEN}&repo=livefire%2Fcanary", True),
        ("DELETE", f"/images/livefire%2Fcanary%3A{SEEN}?force=1", True),
        ("GET", f"/images/x/tag?repo=livefire/canary&tag={SEEN}", False),
        ("DELETE", f"/images/x/tag?repo=livefire/canary&tag={SEEN}", False),
        ("POST", f"/images/x/tag?repo=mine&tag={SEEN}", False),
        ("POST", f"/images/x/tag?tag={SEEN}", False),
        ("POST", "/images/x/tag?repo=livefire/canary", False),
        ("POST", f"/images/x/tag?repo=livefire/canary&tag={SEEN}&tag={SEEN}", False),
        ("POST", f"/images/x/tag?repo=livefire/canary&tag={SEEN[:9]}&tag={SEEN[9:]}", False),
        ("POST", f"/images/x/push?repo=livefire/canary&tag={SEEN}", False),
        ("POST", f"/images/livefire/canary:{SEEN}", False),
        ("DELETE", f"/images/mine/canary:{SEEN}", False),
        ("DELETE", f"/containers/livefire/canary:{SEEN}", False),
    ],
)
def test_only_a_tag_that_is_put_or_taken_back_is_one_at_the_daemon(
    canaries: Canaries, method: str, uri: str, is_one: bool
) -> None:
    assert canaries.asks_daemon(method, uri, AT) is is_one


@pytest.mark.parametrize(
    ("words", "pid", "parent", "session", "is_one"),
    [
        (f"true {SEEN}", 5, 9, 1, True),
        (f"/bin/true {SEEN}", 5, 9, 1, True),
        (f"true {SEEN}", 5, 8, 1, False),  # a stranger who knows the token
        (f"docker {SEEN}", 5, 9, 1, False),
        (f"true {SEEN} {SEEN}", 5, 9, 1, False),
        ("true", 5, 9, 1, False),
        ("true livefire-canary-0", 5, 9, 1, False),
        (f"/usr/bin/docker {MINE}", 50, 4, 7, True),
        (f"docker {MINE}", 50, 4, 8, False),
        (f"docker {MINE}", 51, 4, 7, False),
        (f"true {MINE}", 50, 4, 7, False),
        (f"docker {ANYWHERE}", 50, 4, 8, True),
        (f"docker {ANYWHERE}", 51, 4, 8, False),
    ],
)
def test_a_program_and_its_token_where_livefire_executes_it(
    canaries: Canaries, words: str, pid: int, parent: int, session: int, is_one: bool
) -> None:
    assert canaries.executed(Moment(0, 1, pid, parent, session), words.split()) is is_one
