"""Reading a ledger, line by line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.host.ledger_lines import CUT_OFF, Entry, Reading, brief, parse, read_owned


def made(number: str | int, time: Any = 7, **what: Any) -> bytes:
    return json.dumps({"id": number, "kind": "folder", "what": what, "time": time}).encode()


def undone(number: str | int) -> bytes:
    return json.dumps({"undone": number}).encode()


def read(*lines: bytes, last: bytes = b"") -> Reading:
    """What whole lines say, and one that was cut off."""
    return parse(b"".join(line + b"\n" for line in lines) + last, "ledger")


def ids(reading: Reading) -> list[str | int]:
    return [entry.id for entry in reading.entries]


def test_open_entries_are_told_the_newest_first() -> None:
    reading = read(made("a", path="/x"), made("b"), undone("b"), made(3, path="/y", mode=7))
    assert reading.entries == (Entry(3, "folder", {"path": "/y", "mode": 7}), Entry("a", "folder", {"path": "/x"}))
    assert [entry.what for entry in reading.entries] == [{"path": "/y", "mode": 7}, {"path": "/x"}]
    assert reading.doubts == ()
    assert not reading.blank


@pytest.mark.parametrize(
    ("lines", "blank"),
    [
        ([], True),
        ([b"", b"  "], True),
        ([undone("a")], True),
        ([made("a"), undone("a")], False),
        ([b"what", made("a")], False),
        ([b"what", b""], False),
    ],
)
def test_a_ledger_that_names_nothing_is_blank(lines: list[bytes], blank: bool) -> None:
    assert read(*lines).blank is blank


def test_without_a_ledger_nothing_is_known() -> None:
    assert Reading() == Reading(entries=(), doubts=(), started=0.0, blank=False)


def test_of_entries_with_one_id_each_needs_its_own_mark() -> None:
    twice = [made(1), made(1)]
    assert ids(read(*twice)) == [1, 1]
    assert ids(read(*twice, undone(1))) == [1, 1]
    assert ids(read(*twice, undone(1), undone(1))) == []
    assert ids(read(made("a"), undone("a"), undone("a"))) == []  # undone once more does no harm


@pytest.mark.parametrize(
    "times",
    [
        *(([5, 6], 5.0), ([0, 6], 6.0), (["5", 2.5], 2.5), ([None, None], 0.0), ([], 0.0)),
        # what is no time, however it may be read
        *(([each, 6], 6.0) for each in (10**400, -1, True, float("nan"), float("inf"), [5])),
    ],
)
def test_it_started_at_the_first_time_that_it_tells(times: tuple[list[Any], float]) -> None:
    written, started = times
    found = read(*(made(str(number), time) for number, time in enumerate(written))).started
    assert (found, type(found)) == (started, float)


def test_an_entry_of_an_earlier_version_has_no_time() -> None:
    reading = read(b'{"id": 1, "kind": "folder", "what": {}}')
    assert (ids(reading), reading.started) == ([1], 0.0)


@pytest.mark.parametrize(
    "line",
    [
        b"what is this",
        b'{"id": "\xff", "kind": "folder", "what": {}}',
        b"[" * 100_000,
        b"[]",
        b'"a"',
        b"5",
        b'{"undone": true}',
        b'{"undone": null}',
        b'{"undone": "a", "why": "x"}',
        b'{"id": null, "kind": "folder", "what": {}}',
        b'{"id": "b", "kind": 1, "what": {}}',
        b'{"id": "b", "kind": "folder", "what": "x"}',
        b'{"id": "b", "kind": "folder"}',
        b'{"id": "b", "what": {}}',
        b'{"kind": "folder", "what": {}}',
    ],
    ids=lambda line: repr(line[:40]),
)
def test_a_line_that_can_t_be_read_is_told_with_its_number_and_hides_no_other(line: bytes) -> None:
    reading = read(made("a"), b"", line, made("c"), undone("c"))
    assert ids(reading) == ["a"]
    assert reading.doubts == ("ledger:3 can't be read, so what it names can't be undone",)
    assert len(read(line, line, made("c")).doubts) == 2


def test_a_line_that_a_crash_has_cut_off_is_no_doubt() -> None:
    assert read(made("a"), last=made("b")[:-1]).doubts == ()
    again = read(made("a"), made("b")[:-1], CUT_OFF, made("c"))
    assert (ids(again), again.doubts) == (["c", "a"], ())
    assert ids(read(made("a"), last=made("b"))) == ["b", "a"]  # but for its newline it is whole


def test_only_the_line_before_the_note_was_cut_off() -> None:
    assert [doubt.split(" ")[0] for doubt in read(b"what", b"half", CUT_OFF, b"what", made("a")).doubts] == [
        "ledger:1",
        "ledger:4",
    ]


def test_an_entry_is_told_in_one_short_line() -> None:
    assert brief({"name": "kernel.panic", "value": 10}) == "kernel.panic, 10"
    assert brief({"path": "/a\x1b[2J\nb é"}) == "/a?[2J?b é"
    assert brief({"path": "x" * 200}) == "x" * 200
    assert brief({"path": "x" * 201}) == "x" * 200 + "…"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    path.write_bytes(b"line\r\n\xff")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_file_that_only_we_may_write_is_read(ledger: Path, mode: int) -> None:
    ledger.chmod(mode)
    assert read_owned(ledger) == b"line\r\n\xff"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_read(ledger: Path, mode: int) -> None:
    ledger.chmod(mode)
    with pytest.raises(PermissionError) as caught:
        read_owned(ledger)
    assert (caught.value.strerror, caught.value.errno) == ("not a file that only we may write", 1)


def test_a_file_of_another_s_is_not_read(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(PermissionError, match="not a file that only we may write"):
        read_owned(ledger)


def test_what_is_no_plain_file_is_not_read(ledger: Path, tmp_path: Path) -> None:
    link, pipe, folder = (tmp_path / name for name in ("link", "pipe", "folder"))
    link.symlink_to(ledger)
    os.mkfifo(pipe, 0o600)
    folder.mkdir(0o700)
    for path in (link, pipe, folder):
        with pytest.raises(OSError, match=r"Too many levels|not a file|Is a directory"):
            read_owned(path)
