"""Kinds of things: each maker registers how one is undone, and how it is found. Here none touches anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.host import kinds
from harness.host.kinds import Foreign, What, Whose

NAME = "lab-0a1b2c"


@pytest.fixture(autouse=True)
def undone(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Whose, str, int]]:
    """Nothing is known but a bridge and a daemon, of which the undoing is only noted."""
    noted: list[tuple[Whose, str, int]] = []
    monkeypatch.setattr(kinds, "_UNDOERS", {})
    monkeypatch.setattr(kinds, "_FINDERS", {})

    @kinds.undoes("bridge")
    def bridge(whose: Whose, name: str, number: int = 0, ports: list[str] | None = None) -> None:
        noted.append((whose, name, number))

    @kinds.undoes("daemon")
    def daemon(whose: Whose) -> None:
        noted.append((whose, "", 0))

    @kinds.finds("daemon")
    def daemons(whose: Whose) -> list[What]:
        return [{"owner": whose.id}]

    assert daemons(Whose(NAME, Path("/x"))) == [{"owner": NAME}]  # it is still what it was
    return noted


@pytest.fixture
def whose(tmp_path: Path) -> Whose:
    (tmp_path / NAME).mkdir()
    return Whose(NAME, tmp_path / NAME)


def test_what_is_registered_is_known() -> None:
    assert kinds.known() == {"bridge", "daemon"}
    assert kinds.is_known("bridge")
    assert not kinds.is_known("spell")


def test_a_thing_is_undone_as_it_was_written_down(whose: Whose, undone: list[object]) -> None:
    kinds.undo("bridge", whose, {"name": "lf-0", "number": 7})
    assert undone == [(whose, "lf-0", 7)]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"name": 7}, "name: Input should be a valid string"),
        ({"name": "x", "number": "7"}, "number: Input should be a valid integer"),  # not what could be read as one
        ({"name": "x", "ports": ["a", 1]}, "ports.1: Input should be a valid string"),
        ({"name": "x", "more": 1}, "more: Unexpected keyword argument"),
        ({"number": "7"}, "name: Missing required argument; number: Input should be a valid integer"),
    ],
)
def test_values_of_other_types_are_foreign_and_named(whose: Whose, undone: list[object], what: What, said: str) -> None:
    with pytest.raises(Foreign) as caught:
        kinds.undo("bridge", whose, what)
    assert caught.value.message == f"not what a bridge is written down with: {said}"
    assert undone == []


def test_an_unknown_kind_is_foreign(whose: Whose) -> None:
    with pytest.raises(Foreign, match="nothing here can undo a 'spell'"):
        kinds.undo("spell", whose, {})


def test_a_kind_that_can_be_found_has_a_place_in_the_order_in_which_it_goes() -> None:
    with pytest.raises(ValueError, match="when is a new kind undone"):
        kinds.finds("new kind")


def test_what_is_found_is_in_the_order_in_which_it_goes(whose: Whose) -> None:
    for kind in ("mounts", "cgroup", "audit_rules"):
        kinds.finds(kind)(lambda _: [])
    assert kinds.findable() == ["audit_rules", "daemon", "cgroup", "mounts"]
    assert kinds.find("daemon", whose) == [{"owner": NAME}]
    assert kinds.find("mounts", whose) == []


@pytest.mark.parametrize(
    ("path", "held"),
    [
        ("{folder}", True),
        ("{folder}/a/b", True),
        ("{folder}/link", True),  # the link itself
        ("{beside}/linked", False),  # a link to the folder lies elsewhere
        ("{beside}/linked/a", True),
        ("{folder}/link/a", False),
        ("{folder}-2", False),
        ("{beside}", False),
        ("/", False),
        ("{folder}/../lab-0a1b2c", False),
        ("lab-0a1b2c/a", False),
        ("a", False),
    ],
)
def test_a_folder_holds_what_lies_in_it(
    whose: Whose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, held: bool
) -> None:
    (tmp_path / "linked").symlink_to(whose.folder)
    (whose.folder / "link").symlink_to(tmp_path)
    monkeypatch.chdir(whose.folder)
    assert whose.holds(path.format(folder=whose.folder, beside=tmp_path)) is held


def test_a_folder_that_is_reached_by_a_link_above_holds_the_same(whose: Whose, tmp_path: Path) -> None:
    (tmp_path / "way").symlink_to(tmp_path)
    assert Whose(NAME, tmp_path / "way" / NAME).holds(f"{whose.folder}/a")
