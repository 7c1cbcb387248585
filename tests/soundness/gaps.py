"""Sabotages of what a whole run claims beside its attacks: known gaps, benign runs, variants, what proves a rule."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace

from harness.model.expectation import Companion
from harness.recording import layout
from tests.conftest import PROJECT
from tests.soundness.cited import alone, cited
from tests.soundness.draft import REFUSED, UNPROVEN, Base, Draft, base_of, cut, expectations
from tests.soundness.sabotage import CLI, HARDENED, Sabotage

Change = Callable[[Draft], None]

EXEC = "T1059.013/docker-exec"
QUIET, QUIET_VERSION = "T1059.013/engineer-debugs-a-pod", "T1059.013/docker-show-version"
BLIND, NOISY = "T1059.013/docker-ps", "T1059.013/engineer-looks-around"
CURL = f"{EXEC}~docker-socket.curl"
BOTH = [EXEC, QUIET]
_WAYS = frozenset(
    {
        *("event dropped", "a call that is no exec", "a stranger's process"),
        *("line dropped", "line torn", "forbidden", "a year ago"),
    }
)


def known() -> list[Sabotage]:
    """A rule that is blind, and one that cries wolf."""
    found = []
    for rule, atomic, closed in (
        (HARDENED, BLIND, _fires_on_all),
        (CLI, NOISY, _silent),
    ):
        found += [
            *_of(rule, atomic, "KNOWN_GAP"),
            _one("the gap has closed", rule, atomic, closed, "UNEXPECTED_ALERT"),
        ]
    found.append(_one("it has closed for companions", HARDENED, BLIND, _on_companions, "UNEXPECTED_ALERT"))
    fewer = _one("it raises fewer alerts than are known", CLI, NOISY, _one_alarm_more_is_known, "UNEXPECTED_ALERT")
    return [*found, fewer]


def benign() -> list[Sabotage]:
    """A rule that is silent is right only where something was done."""
    found = []
    for rule, atomic in ((CLI, QUIET), (HARDENED, QUIET_VERSION)):
        found += [
            *_of(rule, atomic, "PROVEN"),
            _one("the rule fires", rule, atomic, _fires_on_all, "UNEXPECTED_ALERT"),
            _one("it fires on companions alone", rule, atomic, _on_companions, "UNEXPECTED_ALERT"),
        ]
    return found


def executions() -> list[Sabotage]:
    """`docker exec`: whose it is tells who asked for it."""
    return [
        *_of(CLI, EXEC, "PROVEN", ("INCONCLUSIVE", "NOT_EXECUTED")),  # what ran in the container is somebody's
        _one("a rule that never fires", CLI, EXEC, _silent, "RULE_SILENT", REFUSED),
        _one("it asked the daemon nothing", HARDENED, EXEC, _nothing_asked, "NOT_EXECUTED", "INCONCLUSIVE"),
    ]


def variants() -> list[Sabotage]:
    """Another way to do the same: its own effect, its own slice."""
    base = _cut(EXEC, CURL)
    found = []
    for name, change, right in (
        ("not run", _detonation(CURL, attack=None), ("NOT_EXECUTED",)),
        ("not run, and skipped", _detonation(CURL, attack=None, skipped="no curl"), ("SKIPPED",)),
        ("dropped", _dropped(CURL), ("NOT_JUDGED", REFUSED)),
        (
            "it asked the daemon nothing",
            functools.partial(_nothing_asked, atomic=CURL),
            ("NOT_EXECUTED", "INCONCLUSIVE"),
        ),
        ("its sensor was not well", _unwell(CURL), ("INCONCLUSIVE",)),
        ("a rule that never fires", _silent, ("RULE_SILENT", REFUSED)),
        ("its atomic asked the daemon nothing", _nothing_asked, ("NOT_EXECUTED", "INCONCLUSIVE")),
        # what the logs have of it is of nobody's doing then
        ("its atomic was not run", _detonation(EXEC, attack=None), ("INCONCLUSIVE",)),
        ("its atomic was skipped", _detonation(EXEC, attack=None, skipped="no docker"), ("INCONCLUSIVE",)),
        ("its atomic was skipped and run", _detonation(EXEC, skipped="no docker"), (REFUSED,)),
        ("its atomic was dropped", _dropped(EXEC), ("INCONCLUSIVE", REFUSED)),
        ("its atomic's sensor was not well", _unwell(EXEC), ("INCONCLUSIVE",)),
        ("its atomic failed", _failed, ("INCONCLUSIVE",)),
        ("called as another is", _named_like_another, (REFUSED,)),
    ):
        found.append(Sabotage(name, base, HARDENED, CURL, change, frozenset(right)))
    return found


def proofs() -> list[Sabotage]:
    """One side alone proves no rule."""
    right = frozenset({UNPROVEN})
    base = both()
    return [
        Sabotage(name, base, CLI, EXEC, change, right, spared=(QUIET,))
        for name, change in (
            ("the benign run was not run", _detonation(QUIET, attack=None)),
            ("the attack was not run", _detonation(EXEC, attack=None)),
            ("the benign run was dropped", _dropped(QUIET)),
            ("the attack was dropped", _dropped(EXEC)),
            ("the rule fires on everything", _fires_on_all),
            ("the benign run is not called so", lambda draft: draft.expect(benign=None)),
        )
    ]


@functools.cache
def both() -> Base:
    """An attack and a benign run."""
    return _cut(*BOTH)


@functools.cache
def _cut(*atomics: str) -> Base:
    return cut(base_of(PROJECT / "tests/recordings/whole-technique"), atomics)


def _of(
    rule: str, atomic: str, verdict: str, absent: tuple[str, ...] = ("NO_TELEMETRY", "NOT_EXECUTED")
) -> list[Sabotage]:
    return [
        *cited(rule, atomic, verdict, _WAYS),
        _one("not run", rule, atomic, _detonation(atomic, attack=None), "NOT_EXECUTED"),
        _one("its sensor was not well", rule, atomic, _unwell(atomic), "INCONCLUSIVE"),
        # its canaries tell another one, or are not there
        _one("session of nobody", rule, atomic, _nobody(atomic), "INCONCLUSIVE", "NOT_EXECUTED"),
        _one("session of nobody, and no canaries", rule, atomic, _nobody(atomic, canaries=[]), "INCONCLUSIVE", *absent),
    ]


def _one(name: str, rule: str, atomic: str, change: Change, *right: str) -> Sabotage:
    return Sabotage(name, alone(atomic), rule, atomic, change, frozenset(right))


def _detonation(atomic: str, **update: object) -> Change:
    return lambda draft: draft.detonation(atomic).update(update)


def _nobody(atomic: str, **update: object) -> Change:
    return lambda draft: draft.detonation(atomic)["attack"].update(session=77777, pid=77777, **update)


def _dropped(atomic: str) -> Change:
    return lambda draft: draft.manifest["detonations"].remove(draft.detonation(atomic))


def _silent(draft: Draft) -> None:
    draft.query(lambda kql: f"{kql.rstrip()}\n| where 1 == 2")


def _one_alarm_more_is_known(draft: Draft) -> None:
    entry = draft.expectations[0].entry
    draft.expect(false_alarms=(entry.false_alarms or 0) + 1)


def _fires_on_all(draft: Draft) -> None:
    """On every process, with all columns that anything is expected of."""
    flags = ", ".join(f"{flag} = false" for flag in expectations(draft.expectations[0].rule.id)[0].entry.flags)
    texts = ", ".join(f'{name} = ""' for name in ("Detail", "Evidence", "Target"))
    draft.query(lambda _: f"DeviceProcessEvents\n| extend {flags}, {texts}")


def _on_companions(draft: Draft) -> None:
    """As `_fires_on_all`, and each row may stand beside an attack's own."""
    _fires_on_all(draft)
    every = (Companion(reason="any", where="1 == 1"),)
    draft.expectations = [replace(each, companions=every) for each in draft.expectations]


def _failed(draft: Draft) -> None:
    """What the atomic executed in a container ended with an error, and so did what its variant executed."""
    draft.raw[layout.DAEMON_EVENTS] = [
        re.sub(r'"exitCode": "0"', '"exitCode": "1"', line) for line in draft.raw[layout.DAEMON_EVENTS]
    ]


def _named_like_another(draft: Draft) -> None:
    draft.detonation(CURL)["variant"].update(name="perl")


def _unwell(atomic: str) -> Change:
    """Each sensor's first canary after the attack tells of something."""

    def change(draft: Draft) -> None:
        finished = draft.detonation(atomic)["attack"]["finished"]
        for sensor in draft.manifest["sensors"]:
            next(m for m in sensor["marks"] if m["emitted"] >= finished).update(problems=["it was not well"])

    return change


def _nothing_asked(draft: Draft, *, atomic: str = EXEC) -> None:
    for name, lines in draft.raw.items():
        if name.endswith("docker-requests.jsonl"):
            draft.raw[name] = [line for line in lines if f'"{atomic}"' not in line]
