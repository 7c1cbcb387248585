"""The audit log's pitfalls, one by one, and whatever hypothesis can think of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.readers.audit_log import damaged_lines, decode, parse_line, read_events

CALL = (
    "type=SYSCALL msg=audit(1700000000.123:{n}): arch=c000003e syscall=59 success={ok} exit=0 ppid=1 pid={n} ses=4 "
    'comm="docker" exe="/usr/bin/docker" key="livefire"'
)
EXECVE = "type=EXECVE msg=audit(1700000000.123:{n}): argc={argc} {arguments}"
arguments = st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")), min_size=1)


def encode(argument: str) -> str:
    """As the kernel does: hex whenever a byte is a quote, below 0x21 or above 0x7e."""
    data = argument.encode()
    return data.hex().upper() if any(b in b'"' or b < 0x21 or b > 0x7E for b in data) else f'"{argument}"'


def lines(number: int, words: list[str], ok: str = "yes") -> list[str]:
    encoded = " ".join(f"a{i}={encode(word)}" for i, word in enumerate(words))
    return [CALL.format(n=number, ok=ok), EXECVE.format(n=number, argc=len(words), arguments=encoded)]


@given(arguments)
def test_every_argument_vector_survives(words: list[str]) -> None:
    (event,) = read_events(lines(7, words))
    assert event.is_exec
    assert event.arguments() == (words, len(words))


@given(st.lists(arguments, min_size=2, max_size=5), st.randoms())
def test_interleaved_events_are_told_apart(vectors: list[list[str]], random: object) -> None:
    streams = [lines(number, words) for number, words in enumerate(vectors, 1)]
    mixed = []
    while any(streams):
        stream = random.choice([s for s in streams if s])  # type: ignore[attr-defined]
        mixed.append(stream.pop(0))
    found = {event.serial: event.arguments()[0] for event in read_events(mixed)}
    assert found == dict(enumerate(vectors, 1))


@given(st.lists(st.text()))
def test_nothing_that_stands_in_a_log_breaks_the_reader(texts: list[str]) -> None:
    for event in read_events(texts):
        event.arguments()
        assert not event.is_exec or event.first("EXECVE")


@given(st.text(st.characters(blacklist_characters="\n\r")))
def test_no_field_breaks_a_record(rest: str) -> None:
    parsed = parse_line(f"type=EXECVE msg=audit(1.000:1): {rest}", 1)
    assert parsed is not None
    for value in parsed[2].fields.values():
        decode(value)


def test_a_failed_call_is_no_exec() -> None:
    (event,) = read_events(lines(1, ["docker"], ok="no"))
    assert not event.is_exec


def test_a_long_argument_comes_in_pieces_over_several_records() -> None:
    first = EXECVE.format(n=1, argc=2, arguments='a0="sh" a1_len=6 a1[0]="abc"')
    second = 'type=EXECVE msg=audit(1700000000.123:1): a1[1]=6465 a1[2]="f"'
    (event,) = read_events([CALL.format(n=1, ok="yes"), first, second])
    assert event.arguments() == (["sh", "abcdef"], 2)


def test_a_gap_stays_visible() -> None:
    (event,) = read_events([CALL.format(n=1, ok="yes"), EXECVE.format(n=1, argc=3, arguments='a0="sh" a2="x"')])
    assert event.arguments() == (["sh", None, "x"], 3)
    cut = EXECVE.format(n=1, argc=1, arguments='a0_len=9 a0[1]="late"')
    (event,) = read_events([CALL.format(n=1, ok="yes"), cut])
    assert event.arguments() == ([None], 1)


def test_enriched_fields_do_not_replace_raw_ones() -> None:
    line = CALL.format(n=1, ok="yes") + '\x1dARCH=x86_64 SYSCALL=execve UID="root"'
    parsed = parse_line(line, 1)
    assert parsed is not None
    assert parsed[2].fields["syscall"] == "59"
    assert "SYSCALL" not in parsed[2].fields


def test_a_node_name_in_front_is_allowed() -> None:
    assert parse_line("node=web1 " + CALL.format(n=1, ok="yes"), 1) is not None


def test_a_serial_that_comes_back_later_is_another_event() -> None:
    later = [line.replace("1700000000", "1700000999") for line in lines(1, ["b"])]
    assert [event.arguments()[0] for event in read_events(lines(1, ["a"]) + later)] == [["a"], ["b"]]


def test_damaged_lines_are_counted_from_one() -> None:
    assert damaged_lines([*lines(1, ["a"]), "half a li", ""]) == [3]
