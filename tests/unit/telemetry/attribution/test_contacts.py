"""Where an attack asked a process that was there before for something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.telemetry.attribution.contacts import Contact, normal, read_contacts
from harness.telemetry.readers.audit_log import read_events
from tests.unit.telemetry.attribution.asking import AT, FIRST, SESSION, connects, unix

ASKS = unix("/run/d.sock")


def opens(name: str, flags: str, mode: str = "010644") -> list[str]:
    head = f"msg=audit({AT:.3f}:7):"
    return [
        f"type=SYSCALL {head} arch=c000003e syscall=257 success=yes exit=3 a1=7f a2={flags} pid=5 ses={SESSION}",
        f'type=CWD {head} cwd="/run"',
        f'type=PATH {head} item=0 name="{name}" mode={mode}',
    ]


def places(lines: list[str]) -> list[str]:
    return [each.place for each in read_contacts(read_events(lines), {SESSION: FIRST.atomic}, "/run-1/")]


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (connects(unix("/run/d.sock")), "/run/d.sock"),
        (connects(unix("d.sock")), "/run/d.sock"),
        (connects(unix("/var/run/d.sock")), "/run/d.sock"),
        (connects("0100" + b"\0abstract".hex()), "@abstract"),
        (connects("02000016" + "7F000001" + "00" * 8), "tcp:22"),
        (connects("0A000016" + "00" * 24), "tcp:22"),
        (connects("02000016" + "7F000001" + "00" * 8, success="no", exit="-115"), "tcp:22"),
        (connects(unix("/run/d\xff.sock")), "/run/dÿ.sock"),
        (connects("0100" + b"/run/d\xff".hex()), "/run/d\ufffd"),  # no text
        (connects("0100" + b"\0d\xff".hex()), "@d\ufffd"),
        (connects("0100" + b"/run/d\0more\0".hex()), "/run/d"),
        (connects("0200FFFF" + "00" * 12), "tcp:65535"),
        (opens("d.fifo", "1"), "/run/d.fifo"),
        (opens("/run/d.fifo", "80002"), "/run/d.fifo"),
        # another name of the same place, and one that may be
        (connects(unix("/proc/self/root/run/d.sock")), "/run/d.sock"),
        (connects(unix("/proc/1/root/proc/2/task/3/root/var/run/d.sock")), "/run/d.sock"),
        (opens("/proc/thread-self/root/run/d.fifo", "1"), "/run/d.fifo"),
        (connects(unix("/proc/self/cwd/d.sock")), "/proc/self/cwd/d.sock"),
        (opens("/proc/6/fd/1", "1"), "/proc/6/fd/1"),  # of another process
        (connects(unix("/dev/shm/d.sock")), "/dev/shm/d.sock"),
        (opens("/dev/shm/d.fifo", "1"), "/dev/shm/d.fifo"),
    ],
)
def test_where_an_attack_asks(lines: list[str], place: str) -> None:
    assert places(lines) == [place]


@pytest.mark.parametrize(
    "lines",
    [
        connects(unix("/run/d.sock"), session=SESSION + 1),  # a stranger
        connects(unix("/run/d.sock"), success="no", exit="-2"),
        connects(unix("/x/run-1/0.sock")),  # a gateway
        connects(unix("/var/run/nscd/socket")),
        connects("1000" + "00" * 10),  # netlink
        connects("01"),
        connects(""),
        connects("0200"),
        connects("020016"),
        [connects(ASKS, serial=7)[0], *opens("d.fifo", "1")[1:]],
        [line.replace("saddr=", "x=") for line in connects(ASKS)],
        connects("not hex"),
        opens("d.fifo", "80000"),  # to read
        opens("/dev/fd/63", "1"),
        opens("/dev/stdout", "1"),
        opens("/proc/self/fd/1", "1"),
        opens("/proc/thread-self/fd/1", "1"),
        opens("/proc/5/task/5/fd/1", "1"),  # its own
        connects(unix("/dev/log")),
        opens("d.file", "1", mode="0100644"),
        opens("d.file", "1", mode="0140755"),
    ],
)
def test_what_asks_nobody(lines: list[str]) -> None:
    assert places(lines) == []


def test_livefires_own_shells_ask_for_no_attack() -> None:
    assert not read_contacts(read_events(connects(ASKS)), {SESSION: "harness"}, "/run-1/")


def test_each_contact_is_told_with_its_attack_and_its_time() -> None:
    """And what stands between them costs none of them: what tells of no call, of no place, or of an execution."""
    head = f"msg=audit({AT:.3f}:50):"
    executed = f"type=SYSCALL {head} arch=c000003e syscall=59 success=yes exit=0 pid=5 ses={SESSION}"
    lines = [
        *connects(ASKS, serial=1),
        f"type=CONFIG_CHANGE msg=audit({AT:.3f}:2): op=set",
        f"type=SYSCALL msg=audit({AT:.3f}:3): arch=c000003e syscall=1 success=yes exit=0 pid=5 ses={SESSION}",
        f"type=SOCKADDR msg=audit({AT:.3f}:4): saddr={ASKS}",
        *(executed, f'type=EXECVE {head} argc=1 a0="x"', f'type=PATH {head} item=0 name="/run/d.fifo" mode=010755'),
        *connects(ASKS, at=AT + 1, session=7, serial=51),
        *connects(ASKS, at=AT + 2, session=8, serial=52),
    ]
    found = read_contacts(read_events(lines), {SESSION: "T1/a", 7: "T1/b"}, "/run-1/")
    assert found == [Contact(round(AT, 3), "T1/a", "/run/d.sock"), Contact(round(AT + 1, 3), "T1/b", "/run/d.sock")]


@pytest.mark.parametrize(
    ("arch", "number", "flags"),
    [
        ("c000003e", 2, "a1"),
        ("c000003e", 257, "a2"),
        ("40000003", 5, "a1"),
        ("C00000B7", 56, "a2"),
        ("40000028", 322, "a2"),
    ],
)
def test_what_is_opened_to_write_by_any_call_that_tells_how(arch: str, number: int, flags: str) -> None:
    lines = opens("d.fifo", "1")
    for value, place in (("1", ["/run/d.fifo"]), ("8a2", ["/run/d.fifo"]), ("10", []), ("x", []), ("f" * 17, [])):
        call = lines[0].replace("arch=c000003e syscall=257", f"arch={arch} syscall={number}")
        call = call.replace("a1=7f a2=1", f"{flags}={value}")
        assert places([call, *lines[1:]]) == place, value
    assert places([call.replace(f" {flags}=", " a9="), *lines[1:]]) == []
    failed = lines[0].replace("success=yes", "success=no").replace("exit=3", "exit=-115")
    assert places([failed, *lines[1:]]) == []


@pytest.mark.parametrize(
    ("told", "asks"),
    [
        ("oflag=0100001 mode=0644 resolve=0x0", True),
        ("oflag=02 mode=0 resolve=0x0", True),
        ("oflag=02000000 mode=0 resolve=0x0", False),  # to read
        ("oflag=010 mode=0 resolve=0x0", False),
        ("oflag=x", True),
        ("resolve=0x0", True),
        ("", True),  # not told: it may be
    ],
)
@pytest.mark.parametrize("arch", ["c000003e", "40000003", "c00000b7", "40000028"])
def test_openat2_tells_its_flags_in_a_record_of_their_own(arch: str, told: str, asks: bool) -> None:
    call, cwd, path = opens("d.fifo", "0")
    call = call.replace("arch=c000003e syscall=257", f"arch={arch} syscall=437")
    record = [f"type=OPENAT2 msg=audit({AT:.3f}:7): {told}"] if told else []
    assert places([call, *record, cwd, path]) == ["/run/d.fifo"] * asks


def test_what_opens_nothing_asks_nobody() -> None:
    """Such as mknod, which a rule of somebody else's records."""
    call, cwd, path = opens("d.fifo", "1")
    assert places([call.replace("syscall=257", "syscall=133"), cwd, path]) == []


def test_a_fifo_is_found_among_other_paths() -> None:
    call, cwd, path = opens("d.fifo", "1")
    other = path.replace("item=0", "item=1").replace("d.fifo", "/run").replace("010644", "040755")
    assert places([call, cwd, other, path]) == ["/run/d.fifo"]
    assert places([call, cwd, other]) == []
    for folder in ([], [cwd.replace('cwd="/run"', "")]):
        assert places([call, *folder, path]) == ["d.fifo"]  # from which folder is not told
    assert places([call, cwd, path.replace(' name="d.fifo"', "")]) == []
    assert places([call, cwd, path.replace(" mode=010644", "")]) == []


@pytest.mark.parametrize(
    ("place", "cwd", "expected"),
    [
        ("", "/run", ""),
        ("@x", "/run", "@x"),
        ("tcp:22", "/run", "tcp:22"),
        ("../tmp/./d", "/run", "/tmp/d"),
        ("/var/run/d", "", "/run/d"),
        ("/var/running/d", "", "/var/running/d"),
        ("/x/var/run/d", "", "/x/var/run/d"),
        ("d", "/var/run", "/run/d"),
        ("root/tmp/d", "/proc/1", "/tmp/d"),
        ("/proc/1/root", "", "/"),
        ("/proc/1/rooted/d", "", "/proc/1/rooted/d"),
        ("/proc/x/root/d", "", "/proc/x/root/d"),
    ],
)
def test_one_place_has_one_name(place: str, cwd: str, expected: str) -> None:
    assert normal(place, cwd) == expected
    assert normal("d") == "d"


@given(st.binary(), st.text("0123456789abcdef"), st.text())
def test_no_address_breaks_the_reader(address: bytes, flags: str, name: str) -> None:
    places([*connects(address.hex()), *opens(name, flags)])
    normal(name, name)


@pytest.mark.parametrize(
    ("address", "machine"),
    [
        ("02000016" + "7F000001" + "00" * 8, "127.0.0.1"),
        ("02000016" + "C0000202" + "00" * 8, "192.0.2.2"),
        ("0A000016" + "00000000" + "00" * 15 + "01" + "00" * 4, "::1"),
        ("0A000016" + "00000000" + "00" * 10 + "FFFF" + "7F000001" + "00" * 4, "127.0.0.1"),
        ("0A000016" + "00000000" + "20010DB8" + "00" * 11 + "05" + "00" * 4, "2001:db8::5"),
        ("02000016" + "7F000001", "127.0.0.1"),
        ("02000016" + "7F0000", ""),  # cut off
        ("0A000016" + "00000000" + "00" * 15 + "01", "::1"),
        ("0A000016" + "00000000" + "00" * 15, ""),
        ("02000016", ""),
        (unix("/run/d.sock"), ""),
    ],
)
def test_on_which_machine_a_port_is_asked(address: str, machine: str) -> None:
    found = read_contacts(read_events(connects(address)), {SESSION: FIRST.atomic}, "/run-1/")
    assert [each.address for each in found] == [machine]
