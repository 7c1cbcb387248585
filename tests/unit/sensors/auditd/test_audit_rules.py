"""What audit rules say. The rules are the kernel's own bytes, as `auditctl` made them on Linux 6.18."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import LabUnavailable
from harness.recording.audit_records import RECORDS
from harness.sensors.auditd.audit_rules import (
    birth_rules,
    contact_rules,
    describe,
    exec_rules,
    filter_of,
    key_of,
    swallowing,
)
from harness.sensors.auditd.audit_state import AuditState, plan

USER, TASK, EXIT, EXCLUDE, FILESYSTEM = 0, 1, 4, 5, 6
NEVER, ALWAYS = 0, 2
EQUAL, UNEQUAL, LESS, GREATER = 0x40000000, 0x30000000, 0x10000000, 0x20000000
ARCH, MSGTYPE, AUID, EXE, KEY = 11, 12, 9, 112, 210


def rule(where: int, action: int, *fields: tuple[int, int, int | str], calls: tuple[int, ...] = ()) -> bytes:
    """`struct audit_rule_data`; a text is put behind it and its length into its field."""
    mask = [0] * 64
    for call in calls:
        mask[call // 32] |= 1 << call % 32
    columns = [[0] * 64 for _ in range(3)]
    texts = ""
    for place, (number, operator, value) in enumerate(fields):
        texts += value if isinstance(value, str) else ""
        columns[0][place], columns[2][place] = number, operator
        columns[1][place] = len(value) if isinstance(value, str) else value
    flat = [each for column in columns for each in column]
    return struct.pack("=3I64I192II", where, action, len(fields), *mask, *flat, len(texts)) + texts.encode()


OURS = exec_rules("livefire-run-0a1b2c", "x86_64")
NEVER_DOCKER = rule(
    EXIT, NEVER, (ARCH, EQUAL, 0xC000003E), (EXE, EQUAL, "/usr/bin/docker"), (KEY, EQUAL, "foo"), calls=(59,)
)
NEVER_TASK = rule(TASK, NEVER, (1, EQUAL, 1234))
HARMLESS = rule(EXIT, ALWAYS, (105, EQUAL, "/etc/shadow"), (106, EQUAL, 10), (KEY, EQUAL, "livefire"))


def exclude(operator: int, kind: int) -> bytes:
    return rule(EXCLUDE, ALWAYS, (MSGTYPE, operator, kind))


def test_our_rules_are_those_that_auditctl_makes() -> None:
    fields = ((ARCH, EQUAL, 0xC000003E), (KEY, EQUAL, "livefire-run-0a1b2c"))
    assert OURS[0] == rule(EXIT, ALWAYS, *fields, calls=(59, 322))
    assert describe(OURS[0]) == "-a always,exit -F arch=b64 -S execve,execveat -k livefire-run-0a1b2c"
    assert describe(OURS[1]) == "-a always,exit -F arch=b32 -S execve,execveat -k livefire-run-0a1b2c"


def test_births_are_recorded_where_they_succeed() -> None:
    wide, narrow = birth_rules("k", "x86_64")
    assert wide == rule(
        EXIT, ALWAYS, (ARCH, EQUAL, 0xC000003E), (104, EQUAL, 1), (KEY, EQUAL, "k"), calls=(56, 57, 58, 435)
    )
    assert describe(wide) == "-a always,exit -F arch=b64 -S 56,57,58,435 -F success=1 -k k"
    assert describe(narrow) == "-a always,exit -F arch=b32 -S 2,120,190,435 -F success=1 -k k"


def test_a_rule_that_hides_births_hides_whose_child_a_process_is() -> None:
    hides = rule(EXIT, NEVER, (ARCH, EQUAL, 0xC000003E), calls=(435,))
    assert swallowing([hides, *OURS], OURS) == [hides]


def test_an_unknown_machine_has_no_rules() -> None:
    with pytest.raises(LabUnavailable, match="not known"):
        exec_rules("k", "pdp11")


@pytest.mark.parametrize(
    ("given_rule", "said"),
    [
        (NEVER_DOCKER, "-a never,exit -F arch=b64 -S execve -F exe=/usr/bin/docker -k foo"),
        (NEVER_TASK, "-a never,task -F uid=1234"),
        (exclude(EQUAL, 1309), "-a always,exclude -F msgtype=EXECVE"),
        (rule(EXIT, NEVER, (AUID, UNEQUAL, 0xFFFFFFFF), calls=(59,)), "-a never,exit -S 59 -F auid!=unset"),
        (HARMLESS, "-a always,exit -F path=/etc/shadow -F perm=wa -k livefire"),
    ],
)
def test_a_rule_in_words(given_rule: bytes, said: str) -> None:
    assert describe(given_rule) == said


@pytest.mark.parametrize(
    ("found", "swallows"),
    [
        (NEVER_DOCKER, True),
        (rule(EXIT, NEVER, (AUID, EQUAL, 0), calls=tuple(range(400))), True),
        (rule(EXIT, NEVER, (ARCH, EQUAL, 0xC000003E), calls=(1,)), False),
        (rule(EXIT, NEVER, (ARCH, EQUAL, 0xC000003E), calls=(120,)), False),  # getresgid, which is clone in 32 bit
        (rule(EXIT, NEVER, calls=(120,)), True),
        *(
            (rule(EXIT, NEVER, (ARCH, EQUAL, 0xC000003E), calls=(call,)), True)
            for call in (2, 42, 56, 59, 257, 322, 437)
        ),
        (NEVER_TASK, True),
        (rule(TASK, ALWAYS), False),
        (exclude(EQUAL, 1309), True),
        (exclude(EQUAL, 1305), True),
        *((exclude(EQUAL, kind), True) for kind in RECORDS),
        (exclude(EQUAL, 1327), False),  # PROCTITLE, which nobody reads
        (exclude(EQUAL, 2404), False),
        (exclude(LESS, 1301), True),
        (exclude(GREATER, 1337), False),
        (exclude(GREATER | EQUAL, 1309), True),
        (exclude(UNEQUAL, 2404), True),
        (rule(EXCLUDE, NEVER, (AUID, EQUAL, 0)), True),
        (rule(USER, NEVER), False),
        (rule(FILESYSTEM, NEVER), False),
        (HARMLESS, False),
    ],
)
def test_what_can_keep_records_from_us_in_front_of_our_rules(found: bytes, swallows: bool) -> None:
    assert swallowing([found, *OURS], OURS) == ([found] if swallows else [])


def test_a_rule_behind_ours_keeps_nothing_from_us_but_that_of_another_filter_does() -> None:
    assert swallowing([*OURS, NEVER_DOCKER, exclude(EQUAL, 1300)], OURS) == [exclude(EQUAL, 1300)]


def test_without_our_rules_any_rule_stands_in_front() -> None:
    assert swallowing([NEVER_DOCKER], OURS) == [NEVER_DOCKER]


@given(st.binary(min_size=1040, max_size=1100))
def test_any_bytes_can_be_told_in_words(data: bytes) -> None:
    assert describe(data).startswith("-a ")
    assert isinstance(key_of(data), str)
    assert 0 <= filter_of(data) < 16
    swallowing([data, *OURS], OURS)


rules = st.lists(st.sampled_from([bytes([n]) for n in range(8)]), unique=True)


@given(rules, rules)
def test_what_was_changed_is_put_back_in_its_order(there: list[bytes], wanted: list[bytes]) -> None:
    now = list(there)
    for added, each in plan(there, wanted):
        now.append(each) if added else now.remove(each)
    assert now == wanted


@given(rules)
def test_what_is_as_it_was_is_not_touched(there: list[bytes]) -> None:
    assert plan(there, there) == []
    assert plan([b"new", *there], there) == [(False, b"new")]


def test_differences_are_named() -> None:
    before = AuditState((HARMLESS, *OURS), (("enabled", 1), ("backlog_limit", 8192)))
    after = AuditState((NEVER_DOCKER, HARMLESS, OURS[1]), (("enabled", 0), ("backlog_limit", 8192)))
    assert before.differences(after) == [
        f"a rule was added: {describe(NEVER_DOCKER)}",
        f"a rule was removed: {describe(OURS[0])}",
        "'enabled' was changed from 1 to 0",
    ]
    assert before.differences(AuditState((*OURS, HARMLESS), before.settings)) == ["the order of the rules was changed"]
    assert before.differences(before) == []


def test_the_rules_of_a_killed_capture_are_no_part_of_what_was_there() -> None:
    state = AuditState((*OURS, HARMLESS), ())
    assert state.without_livefire().rules == (HARMLESS,)


def test_where_attacks_ask_others_is_recorded_of_attacks_alone() -> None:
    found = [describe(each) for each in contact_rules("k", "x86_64")]
    assert found[0] == "-a always,exit -F arch=b64 -S 42 -F auid=0 -k k"
    assert found[2] == "-a always,exit -F arch=b64 -S 2,257,437 -F auid=0 -F filetype=4096 -k k"
    assert len(found) == 4
    hides = rule(EXIT, NEVER, (ARCH, EQUAL, 0xC000003E), calls=(42,))
    assert swallowing([hides, *OURS], OURS) == [hides]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_whatever_a_rule_of_ours_records_no_rule_in_front_may_keep_from_us(machine: str) -> None:
    ours = [*exec_rules("k", machine), *birth_rules("k", machine), *contact_rules("k", machine)]
    for each in ours:
        never = each[:4] + struct.pack("=I", NEVER) + each[8:]
        assert swallowing([never, *ours], ours) == [never]
