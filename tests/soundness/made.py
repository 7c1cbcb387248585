"""Sabotages that are written down one by one: whose doing it was, the rule, the flags, what is expected, the files."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.model.expectation import Companion
from harness.recording import layout
from tests.conftest import MAIN_JOB
from tests.soundness.draft import BACKGROUND, NOT_JUDGED, REFUSED, Draft, base_of, expectations
from tests.soundness.sabotage import CLI, HARDENED, Sabotage

EXECUTION, PRIVILEGED, SECRETS = MAIN_JOB
Change = Callable[[Draft], None]


def one(
    name: str,
    atomic: str,
    change: Change,
    *right: str,
    rule: str = CLI,
    named: tuple[str, ...] = (),
) -> Sabotage:
    """A sabotage of the committed recording of three atomics."""
    return Sabotage(name, base_of(), rule, atomic, change, frozenset(right), named)


def detonations() -> list[Sabotage]:
    """The manifest's record of what was run, and by whom."""
    found = []
    for atomic, rule in ((EXECUTION, CLI), (PRIVILEGED, HARDENED), (SECRETS, CLI)):
        found += [
            one("session of nobody", atomic, _attack(session=77777), "INCONCLUSIVE", rule=rule),
            one("not run", atomic, _detonation(attack=None), "NOT_EXECUTED", rule=rule),
            one("skipped", atomic, _detonation(attack=None, skipped="no docker"), "SKIPPED", rule=rule),
            one("dropped", atomic, _dropped, NOT_JUDGED, REFUSED, rule=rule),
            one("ran on another day", atomic, _another_day, "INCONCLUSIVE", REFUSED, rule=rule),
        ]
    for atomic, other in ((EXECUTION, PRIVILEGED), (PRIVILEGED, SECRETS), (SECRETS, EXECUTION)):
        swap = functools.partial(_swap, one=atomic, other=other)
        # two that execute docker run differ by their flags alone
        right = ("WRONG_FLAGS",) if (atomic, other) == (EXECUTION, PRIVILEGED) else ("NO_TELEMETRY", "NOT_EXECUTED")
        found.append(one("swapped with another", atomic, swap, *right, REFUSED, "INCONCLUSIVE"))
        twice = functools.partial(_rename, old=other, new=atomic)
        found.append(one("two of one id", atomic, twice, REFUSED))
    found.append(one("user of nobody", SECRETS, _detonation(user="mallory"), "NOT_EXECUTED"))
    found.append(one("user of the harness", SECRETS, _harness_user, "NOT_EXECUTED", REFUSED, "INCONCLUSIVE"))
    return found


def strangers() -> list[Sabotage]:
    """The same done by somebody else, beside the attack or in its place."""
    found = []
    for atomic, words in (
        (EXECUTION, ' a1="run" '),
        (PRIVILEGED, ' a2="--rm" a3="--privileged"'),
        (SECRETS, ' a1="get" '),
    ):
        found.append(one("the command by a stranger, beside it", atomic, _copy(words, keep=True), BACKGROUND))
        found.append(one("the command by a stranger alone", atomic, _copy(words, keep=False), "NO_TELEMETRY"))
        for keep in (True, False):
            asked = functools.partial(_asks_a_resident, copy=_copy(words, keep=keep))
            beside = "beside it" if keep else "alone"
            found.append(one(f"the command by a resident that was asked, {beside}", atomic, asked, "INCONCLUSIVE"))
    for atomic in (EXECUTION, PRIVILEGED):
        named = functools.partial(_another_container, atomic=atomic, keep=True, name=True)
        found.append(one("a stranger's container named by a canary", atomic, named, BACKGROUND, rule=HARDENED))
        create = functools.partial(_another_container, atomic=atomic, keep=True)
        found.append(one("a like container by a stranger, beside it", atomic, create, BACKGROUND, rule=HARDENED))
        for rule in (CLI, HARDENED):
            alone = functools.partial(_another_container, atomic=atomic, keep=False)
            found.append(
                one("a like container by a stranger alone", atomic, alone, "NOT_EXECUTED", "INCONCLUSIVE", rule=rule)
            )
            gone = functools.partial(_requests, atomic=atomic, change=lambda line: "")
            found.append(one("it asked the daemon nothing", atomic, gone, "NOT_EXECUTED", "INCONCLUSIVE", rule=rule))
            other = functools.partial(
                _requests, atomic=atomic, change=lambda x: re.sub('"atomic": "[^"]*"', '"atomic": "T1/x"', x)
            )
            found.append(one("another asked the daemon", atomic, other, "NOT_EXECUTED", "INCONCLUSIVE", rule=rule))
            ids = functools.partial(_requests, atomic=atomic, change=lambda x: re.sub("[0-9a-f]{64}", "0" * 64, x))
            found.append(one("it was answered another id", atomic, ids, "NOT_EXECUTED", "INCONCLUSIVE", rule=rule))
    calls = functools.partial(_lines, file=layout.KUBE_AUDIT, change=lambda x: x.replace("-atomic-2", "-atomic-9"))
    found += [
        one("the calls of a stranger alone", SECRETS, calls, "NOT_EXECUTED", rule=rule) for rule in (CLI, HARDENED)
    ]
    return found


def flags() -> list[Sabotage]:
    """Each flag of each atomic: turned around by the rule, turned around by what is expected, missing."""
    found = []
    for rule in (CLI, HARDENED):
        for flag, atomic in zip(expectations(rule)[0].entry.flags, itertools.cycle(MAIN_JOB), strict=False):
            turned = functools.partial(_tail, text=f"| extend {flag} = not({flag})")
            name = f"{flag} turned around by the rule"
            # this flag tells the rule's companions, so its own row is then taken for one
            also = ("RULE_SILENT",) if flag == "ClusterTunnel" else ()
            found.append(one(name, atomic, turned, "WRONG_FLAGS", *also, rule=rule, named=(flag, "companions alone")))
    for atomic in MAIN_JOB:
        for flag in expectations(CLI)[0].entry.flags:
            wrong = functools.partial(_expect_flag, flag=flag)
            found.append(one(f"{flag} expected the other way", atomic, wrong, "WRONG_FLAGS", named=(flag,)))
        gone = functools.partial(_tail, text=f"| project-away {flag}")
        found.append(one(f"{flag} is no column", atomic, gone, REFUSED, named=(flag,)))
    return found


def grounds() -> list[Sabotage]:
    """A word that the rule has lost, behind another that sets the same flag."""
    found = []
    for word in ("--privileged", "--net=host"):
        lost = functools.partial(_query, old=f'"{word}", ', new="")
        found.append(one(f"the rule lost {word}", PRIVILEGED, lost, "WRONG_FLAGS", named=(word,)))
        again = functools.partial(_two_rows, lost=word)
        found.append(one(f"the rule lost {word}, in the second row", PRIVILEGED, again, "WRONG_FLAGS", named=(word,)))
    return found


def rules() -> list[Sabotage]:
    """Rules that don't fire, fire on something else, or fire too often."""
    found = []
    for rule in (CLI, HARDENED):
        for atomic in MAIN_JOB:
            silent = functools.partial(_tail, text="| where 1 == 2")
            found.append(one("a rule that never fires", atomic, silent, "RULE_SILENT", REFUSED, rule=rule))
            more = functools.partial(_expect, rows=2)
            found.append(one("a row too few", atomic, more, "WRONG_FLAGS", rule=rule, named=("1 row",)))
            gap = functools.partial(
                _expect, fires=False, flags={}, rows=None, known_gap="it is blind", grounds={}, companions=[]
            )
            found.append(one("the known gap has closed", atomic, gap, "UNEXPECTED_ALERT", rule=rule))
            benign = functools.partial(
                _expect, fires=False, flags={}, rows=None, benign="work", grounds={}, companions=[]
            )
            found.append(one("it must be silent here", atomic, benign, "UNEXPECTED_ALERT", rule=rule))
    for atomic in MAIN_JOB:
        found.append(one("all rows are companions", atomic, _all_companions, "RULE_SILENT", REFUSED))
    return found


def evidence() -> list[Sabotage]:
    """What is asked for as evidence: gone, of another kind of lab, called another sensor's, or true of nothing."""
    found = []
    for rule, atomic in ((CLI, EXECUTION), (HARDENED, PRIVILEGED), (CLI, SECRETS)):
        for key in ("oracle", "signals"):
            empty = functools.partial(_no_evidence, key=key)
            found.append(one(f"no {key}", atomic, empty, "INCONCLUSIVE", REFUSED, rule=rule))
            nodes = functools.partial(_signals, key=key, update={"cluster": "nodes"})
            found.append(one(f"{key} of another lab alone", atomic, nodes, "INCONCLUSIVE", REFUSED, rule=rule))
            for kql in _VACUOUS:
                vacuous = functools.partial(_vacuous, key=key, kql=kql)
                found.append(one(f"{key} is {kql.format('TABLE')}", atomic, vacuous, REFUSED, rule=rule))
    return found


_VACUOUS = ("{} | where false | count", "union ({}), (print x=1)", "print {}=1")
_TABLES = {"auditd": "Auditd_CL", "docker_daemon": "DockerDaemon_CL", "kube_audit": "AKSAudit"}


def files() -> list[Sabotage]:
    """What was captured is what is judged: one byte of any file, a file more, a file less, tables that say else."""
    found = []
    base = base_of()
    tables = [f"tables/{path.name}" for path in sorted((base.stored or Path()).iterdir())]
    for name in [*base.raw, *tables, layout.MANIFEST, layout.SEAL]:
        found.append(one(f"one byte of {name}", EXECUTION, _unsealed(_flip(name)), REFUSED))
        found.append(one(f"{name} removed", EXECUTION, _unsealed(_remove(name)), REFUSED))
    found.append(
        one("a file more", EXECUTION, _unsealed(lambda folder: (folder / "raw/more").write_text("x")), REFUSED)
    )
    link = _unsealed(lambda folder: (folder / "raw/link").symlink_to("/etc/passwd"))
    found.append(one("a link", EXECUTION, link, REFUSED))
    for atomic, rule in ((EXECUTION, CLI), (PRIVILEGED, HARDENED), (SECRETS, CLI)):
        stored = functools.partial(_stored_only, atomic=atomic)
        found.append(one("tables that the raw logs don't give", atomic, stored, REFUSED, rule=rule))
    for name, change in (
        ("finished before it started", _backwards),
        ("all canaries with one token", _one_token),
    ):
        found.append(one(name, EXECUTION, change, REFUSED, "INCONCLUSIVE"))
    return found


def catalogue() -> list[Sabotage]:
    """Rules that ask the engine instead of the telemetry."""
    return [
        one(
            f"the rule reads {name}",
            EXECUTION,
            functools.partial(_tail, text=f"| where toscalar({name} | count) >= 0"),
            REFUSED,
        )
        for name in ("sqlite_master", "pragma_database_list", "duckdb_tables")
    ]


def _detonation(**update: object) -> Change:
    return lambda draft: draft.detonation(draft.expectations[0].atomic).update(update)


def _attack(**update: object) -> Change:
    return lambda draft: draft.detonation(draft.expectations[0].atomic)["attack"].update(update)


def _dropped(draft: Draft) -> None:
    draft.manifest["detonations"].remove(draft.detonation(draft.expectations[0].atomic))


def _another_day(draft: Draft) -> None:
    attack = draft.detonation(draft.expectations[0].atomic)["attack"]
    attack.update(
        started=attack["started"].replace("-24T", "-28T"), finished=attack["finished"].replace("-24T", "-28T")
    )


def _swap(draft: Draft, *, one: str, other: str) -> None:
    first, second = draft.detonation(one), draft.detonation(other)
    for key in ("attack", "user"):
        first[key], second[key] = second[key], first[key]


def _rename(draft: Draft, *, old: str, new: str) -> None:
    draft.detonation(old)["atomic"] = new


def _harness_user(draft: Draft) -> None:
    draft.manifest["harness_users"].append(draft.detonation(SECRETS)["user"])
    draft.detonation(SECRETS)["user"] = None


def _copy(words: str, *, keep: bool) -> Change:
    """The audit event whose EXECVE record has these words, once more by a process of nobody's."""

    def change(draft: Draft) -> None:
        log = draft.raw[layout.AUDIT_LOG]
        line = next(text for text in log if text.startswith("type=EXECVE ") and words in text)
        stamp = line.partition("msg=audit(")[2].partition(")")[0]
        event = [text for text in log if f"audit({stamp})" in text]
        other = [text.replace(stamp, f"{stamp.partition(':')[0]}:999999") for text in event]
        other = [
            re.sub(r"ppid=\d+ pid=\d+", "ppid=1 pid=3999999", re.sub(r"\bses=\d+", "ses=4294967295", x)) for x in other
        ]
        place = log.index(event[-1]) + 1
        log[place:place] = other
        if not keep:
            draft.raw[layout.AUDIT_LOG] = [text for text in log if text not in event]

    return change


def _asks_a_resident(draft: Draft, *, copy: Change) -> None:
    """The attack connects to a daemon that was there before, and that executes the command."""
    log = draft.raw[layout.AUDIT_LOG]
    session = draft.detonation(draft.expectations[0].atomic)["attack"]["session"]
    place = next(n for n, text in enumerate(log) if f" ses={session} " in text)
    stamp = log[place].partition("msg=audit(")[2].partition(":")[0]
    listed = draft.raw.get(layout.ALIVE, [])
    pid = next(pid for pid in range(70, 999) if not any(f'"pid": {pid},' in line for line in listed))
    resident = {"pid": pid, "parent": 1, "started": 0, "name": "daemon", "path": "/usr/sbin/daemon", "session": None}
    resident |= {"contained": False, "ours": False, "asked_at": ["/run/d.sock"]}
    draft.raw[layout.ALIVE] = [*listed, json.dumps(resident) + "\n"]
    draft.sensor("auditd")["before"]["readings"]["alive"] = len(listed) + 1
    copy(draft)
    draft.raw[layout.AUDIT_LOG] = [
        text.replace("ppid=1 pid=3999999", f"ppid={pid} pid=3999999") for text in draft.raw[layout.AUDIT_LOG]
    ]
    head = f"msg=audit({stamp}:999998):"
    draft.raw[layout.AUDIT_LOG][place:place] = [
        f"type=SYSCALL {head} arch=c000003e syscall=42 success=yes exit=0 ppid=1 pid=2 ses={session} \n",
        f"type=SOCKADDR {head} saddr=0100{b'/run/d.sock'.hex()}00\n",
    ]


def _another_container(draft: Draft, *, atomic: str, keep: bool, name: bool = False) -> None:
    """The daemon's records of an atomic's container once more under another id, which no atomic asked for."""
    asked = [x for x in draft.raw[layout.DAEMON_REQUESTS] if f'"{atomic}"' in x and "containers/create" in x]
    found = re.search("[0-9a-f]{64}", asked[0])
    assert found
    events, other = draft.raw[layout.DAEMON_EVENTS], found[0][::-1]
    for place in range(len(events) - 1, -1, -1):
        if found[0] in events[place]:
            copied = events[place].replace(found[0], other)
            if name:
                token = draft.sensor("docker_daemon")["marks"][0]["token"]
                copied = re.sub(r'"name": "[^"]*"', f'"name": "livefire/canary:{token}"', copied)
            events[place : place + 1] = [events[place], copied] if keep else [copied]


def _requests(draft: Draft, *, atomic: str, change: Callable[[str], str]) -> None:
    _lines(draft, file=layout.DAEMON_REQUESTS, change=lambda x: change(x) if f'"{atomic}"' in x else x)


def _lines(draft: Draft, *, file: str, change: Callable[[str], str]) -> None:
    draft.raw[file] = [new for line in draft.raw[file] if (new := change(line))]


def _tail(draft: Draft, *, text: str) -> None:
    draft.query(lambda kql: f"{kql.rstrip()}\n{text}")


def _query(draft: Draft, *, old: str, new: str) -> None:
    draft.query(lambda kql: kql.replace(old, new))


def _two_rows(draft: Draft, *, lost: str) -> None:
    """A row more with the same flags, in which none of the words stands; and what is left of the rule's own."""
    _query(draft, old=f'"{lost}", ', new="")
    told = "FileName, ProcessCommandLine, AccountName, DeviceName, InitiatingProcessFileName"
    told += ", InitiatingProcessCommandLine"
    other = f'DeviceProcessEvents | where FileName != "docker" | take 1 | project {told}, {", ".join(_flags(draft))}'
    _tail(draft, text=f"| project {told}, {', '.join(draft.expectations[0].entry.flags)} | union ({other})")
    _expect(draft, rows=2)


def _flags(draft: Draft) -> list[str]:
    return [f"{name} = {str(value).lower()}" for name, value in draft.expectations[0].entry.flags.items()]


def _expect(draft: Draft, **update: object) -> None:
    draft.expect(**update, evade=False, evasions=[])


def _expect_flag(draft: Draft, *, flag: str) -> None:
    entry = draft.expectations[0].entry
    _expect(draft, flags=entry.flags | {flag: not entry.flags[flag]}, grounds={})


def _all_companions(draft: Draft) -> None:
    every = (Companion(reason="any", where="1 == 1"),)
    draft.expectations = [replace(each, companions=every) for each in draft.expectations]


def _no_evidence(draft: Draft, *, key: str) -> None:
    _expect(draft, **{key: []})


def _signals(draft: Draft, *, key: str, update: dict[str, object]) -> None:
    entry = draft.expectations[0].entry
    _expect(draft, **{key: [signal.model_copy(update=update) for signal in getattr(entry, key)]})


def _vacuous(draft: Draft, *, key: str, kql: str) -> None:
    """Each of them asks the table of its own sensor for nothing."""
    of = getattr(draft.expectations[0].entry, key)
    _expect(draft, **{key: [each.model_copy(update={"kql": kql.format(_TABLES[each.sensor])}) for each in of]})


def _unsealed(change: Callable[[Path], object]) -> Change:
    def apply(draft: Draft) -> None:
        draft.unsealed = lambda folder: (change(folder), None)[1]

    return apply


def _flip(name: str) -> Callable[[Path], object]:
    def flip(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return flip


def _remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _stored_only(draft: Draft, *, atomic: str) -> None:
    """The tables of the good recording, over raw logs that hold nothing of the atomic's."""
    draft.from_raw = False
    user, session = draft.detonation(atomic)["user"], draft.detonation(atomic)["attack"]["session"]
    _lines(draft, file=layout.AUDIT_LOG, change=lambda x: "" if f" ses={session} " in x else x)
    _lines(draft, file=layout.KUBE_AUDIT, change=lambda x: "" if f'"{user}"' in x else x)
    _lines(draft, file=layout.DAEMON_REQUESTS, change=lambda x: "" if f'"{atomic}"' in x else x)


def _backwards(draft: Draft) -> None:
    attack = draft.detonation(EXECUTION)["attack"]
    attack["started"], attack["finished"] = attack["finished"], attack["started"]


def _one_token(draft: Draft) -> None:
    for sensor in draft.manifest["sensors"]:
        for mark in sensor["marks"]:
            mark["token"] = sensor["marks"][0]["token"]
