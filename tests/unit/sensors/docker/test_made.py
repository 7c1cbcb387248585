"""What a request is about to make, and what its answer says that was made: into the ledger, and nothing that was there.

How a real daemon undoes it is seen in the lab.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import LabUnavailable
from harness.host import kinds
from harness.host.ledger import Ledger
from harness.lab.sysctl import SWARM
from harness.sensors.docker.asked import missing, sources
from harness.sensors.docker.made import DockerMade
from tests.unit.sensors.docker.answering import answering

BOX, NET, NEW, OLD = "a" * 64, "b" * 64, "sha256:" + "c" * 64, "sha256:" + "d" * 64
THERE = {
    "/volumes/theirs": {"Name": "theirs"},
    "/images/theirs%3A1/json": {"Id": OLD},
    "/images/json?all=1": [{"Id": OLD, "RepoTags": ["theirs:1"]}, {"Id": "sha256:" + "e" * 64, "RepoTags": None}],
    "/info": {"Swarm": {"LocalNodeState": "inactive"}},
    "/_ping": {},
}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[DockerMade]:
    with answering(tmp_path / "d.sock", THERE):
        yield DockerMade(tmp_path / "d.sock", Ledger(tmp_path / "run-0a1b2c" / "ledger.jsonl"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "run-0a1b2c").mkdir()


def entries(made: DockerMade) -> list[tuple[str, Any]]:
    """The oldest first, without the socket."""
    found = []
    for entry in reversed(made._ledger.open_entries()):
        (value,) = [value for name, value in entry.what.items() if name not in ("socket", "links")]
        found.append((entry.kind, value))
    return found


def through(made: DockerMade, path: str, body: object = None, status: int = 201, answer: object = None) -> None:
    """A request and its answer."""
    asked = made.before("POST", path, json.dumps(body).encode())
    text = answer if isinstance(answer, str) else json.dumps(answer)
    if asked:
        made.after(asked, status, text.encode())


def test_a_container_and_the_volumes_and_folders_that_the_daemon_makes_for_it(made: DockerMade, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    binds = ["implied:/a:ro", "theirs:/b", f"{tmp_path}/there:/c", f"{tmp_path}/not/yet:/d"]
    mounts = [
        {"Type": "volume", "Source": "mounted", "Target": "/e"},
        {"Type": "bind", "Source": f"{tmp_path}/refused", "Target": "/f"},  # the daemon makes none
        {"Type": "tmpfs", "Target": "/g"},
    ]
    through(
        made, "/v1.41/containers/create?name=x", {"HostConfig": {"Binds": binds, "Mounts": mounts}}, 201, {"Id": BOX}
    )
    assert entries(made) == [
        ("atomic_volume", "implied"),
        ("bind_folders", [f"{tmp_path}/not", f"{tmp_path}/not/yet"]),
        ("atomic_volume", "mounted"),
        ("container", BOX),
    ]


def test_a_volume_by_its_name_or_by_the_daemon_s_and_not_one_that_was_there(made: DockerMade) -> None:
    through(made, "/volumes/create", {"Name": "fresh"}, 201, {"Name": "fresh"})
    through(made, "/volumes/create", {"Name": "theirs"}, 201, {"Name": "theirs"})  # the daemon answers as for a new one
    through(made, "/volumes/create", {"Name": ""}, 201, {"Name": "f" * 64})
    assert entries(made) == [("atomic_volume", "fresh"), ("atomic_volume", "f" * 64)]


def test_a_network_with_the_links_that_it_names(made: DockerMade) -> None:
    options = {"com.docker.network.bridge.name": "lf-none", "parent": "lo"}
    through(made, "/networks/create", {"Name": "n", "Options": options}, 201, {"Id": NET})
    through(made, "/networks/create", {"Name": "n"}, 409, {"message": "there already"})
    (entry,) = made._ledger.open_entries()
    assert (entry.what["id"], entry.what["links"]) == (NET, ["lf-none"])


BUILT = "\r\n".join(
    json.dumps(each)
    for each in (
        {"stream": f" ---> {OLD[7:19]}\n"},
        {"stream": " ---> 0123456789ab\n"},
        {"stream": "a line of a command ---> 0123456789aa\n"},
        {"aux": {"ID": NEW}},
    )
)


@pytest.mark.parametrize(
    ("path", "answer", "images"),
    [
        ("/build?t=mine:1&t=theirs:1", BUILT, ["mine:1", "0123456789ab", NEW]),
        ("/images/x/tag?repo=h:5000/mine&tag=2", "", ["h:5000/mine:2"]),
        ("/images/x/tag?repo=theirs&tag=1", "", []),
        ("/commit?container=x", {"Id": NEW}, [NEW]),
        ("/commit?container=x&repo=mine", {"Id": OLD}, ["mine:latest"]),
        ("/images/create?fromImage=mine&tag=1", {"status": "Digest: sha256:0"}, ["mine:1"]),
        ("/images/create?fromImage=mine&tag=sha256:00", {}, ["mine@sha256:00"]),
        ("/images/create?fromSrc=-", {"status": NEW}, [NEW]),
        ("/images/load", {"stream": "Loaded image: mine:3\n"}, ["mine:3"]),
        ("/images/load", {"stream": "Loaded image: theirs:1\n"}, []),
    ],
)
def test_images_by_the_names_and_ids_that_were_not_there(
    made: DockerMade, path: str, answer: object, images: list[str]
) -> None:
    through(made, path, None, 200 if path != "/commit" else 201, answer)
    assert entries(made) == [("atomic_image", each) for each in images]


def test_a_swarm_that_the_daemon_was_put_in(made: DockerMade) -> None:
    through(made, "/swarm/init", {}, 200, "x")
    through(made, "/swarm/init", {}, 503, {})
    *settings, swarm = reversed(made._ledger.open_entries())
    assert (swarm.kind, swarm.what["gwbridge"]) == ("swarm", True)
    values = {name: Path("/proc/sys", *name.split(".")).read_text().strip() for name in SWARM}
    assert [(entry.kind, entry.what) for entry in settings] == [  # older than the swarm: put back after it was left
        ("sysctl", {"name": name, "value": value}) for name, value in values.items()
    ]


def test_not_a_swarm_that_the_daemon_was_in(made: DockerMade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(THERE, "/info", {"Swarm": {"LocalNodeState": "active"}})
    through(made, "/swarm/init", {}, 503, {})
    assert entries(made) == []


def test_of_a_daemon_that_says_nothing_everything_stays(tmp_path: Path) -> None:
    made = DockerMade(tmp_path / "none.sock", Ledger(tmp_path / "run-0a1b2c" / "ledger.jsonl"))
    for path in ("/swarm/init", "/volumes/create", "/images/x/tag?repo=mine"):
        made.before("POST", path, b'{"Name": "mine"}')
    assert entries(made) == []


def test_a_name_that_was_taken_back_is_anybody_s(made: DockerMade) -> None:
    through(made, "/volumes/create", {"Name": "fresh"}, 201, {"Name": "fresh"})
    through(made, "/images/x/tag?repo=mine", None, 201, {})
    assert made.holds("volumes", "fresh")
    made.removed("/v1.41/volumes/fresh?force=1")
    made.removed("/images/mine:latest")
    assert entries(made) == []
    assert not made.holds("volumes", "fresh")


def test_what_only_asks_makes_nothing(made: DockerMade) -> None:
    for method, path in (("GET", "/containers/json"), ("POST", "/containers/x/start"), ("DELETE", "/volumes/x")):
        assert made.before(method, path) is None


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["Binds", "Mounts", "Type", "Source", "BindOptions"]), inner)
    ),
)


@given(st.fixed_dictionaries({}, optional={"Binds": JSON, "Mounts": JSON}) | JSON)
def test_no_body_breaks_the_reading_of_mounts(body: Any) -> None:
    assert all(isinstance(source, str) and source for _, source in sources(body))


def test_folders_that_are_missing_from_the_top(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert missing(f"{tmp_path}/a//b/../c/") == [f"{tmp_path}/a", f"{tmp_path}/a/c"]
    assert missing(str(tmp_path)) == missing(f"{tmp_path}/dangling") == []


GONE = f"/containers/{BOX}?force=1&v=1"


def test_what_cannot_be_put_back_is_told_each_time_and_stays_ours(
    made: DockerMade, monkeypatch: pytest.MonkeyPatch
) -> None:
    through(made, "/containers/create", {}, 201, {"Id": BOX})
    monkeypatch.setitem(THERE, GONE, {})  # and so it can't be removed
    for _ in range(2):
        (problem,) = made.put_back()
        assert problem.startswith("left behind: container ")
        assert made.holds("containers", BOX)
        assert entries(made) == [("container", BOX)]
    monkeypatch.delitem(THERE, GONE)
    assert made.put_back() == []
    assert not made.holds("containers", BOX)
    assert entries(made) == []
    assert made.put_back() == []


def test_a_daemon_that_is_silent_keeps_what_was_made_and_that_is_told(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "run-0a1b2c" / "ledger.jsonl")
    made = DockerMade(tmp_path / "none.sock", ledger)
    through(made, "/containers/create", {}, 201, {"Id": BOX})
    assert made.put_back() == ["what was made on the Docker daemon can't be put back: it does not answer (1 things)"]
    assert made.holds("containers", BOX)


def test_what_is_put_back_is_ours_until_it_is_gone(made: DockerMade, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the guard before another's daemon would keep us from removing it."""
    held = []
    undo = kinds.undo

    def watched(kind: str, whose: kinds.Whose, what: kinds.What) -> None:
        held.append(made.holds("containers", BOX))
        undo(kind, whose, what)

    through(made, "/containers/create", {}, 201, {"Id": BOX})
    monkeypatch.setattr(kinds, "undo", watched)
    assert made.put_back() == []
    assert held == [True]


def test_what_was_made_and_cannot_be_written_down_is_undone(
    made: DockerMade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run-0a1b2c").rmdir()
    with pytest.raises(LabUnavailable, match=r"can't be written: No such file or directory$"):
        through(made, "/containers/create", {}, 201, {"Id": BOX})
    monkeypatch.setitem(THERE, GONE, {})
    with pytest.raises(LabUnavailable, match=f"and the containers {BOX} stays: "):
        through(made, "/containers/create", {}, 201, {"Id": BOX})
    assert not made.holds("containers", BOX)
