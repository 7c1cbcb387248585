"""Sabotages made from what a verdict cites: each raw line of each claim is dropped and altered, and so is its like."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.model.atomic_result import AtomicResult
from harness.model.observed import Evidence
from harness.recording import layout
from tests.conftest import MAIN_JOB, PROJECT
from tests.soundness.draft import REFUSED, Base, Draft, base_of, cut, expectations, judged
from tests.soundness.sabotage import Sabotage

Change = Callable[[str], str | None]
_STAMP = re.compile(r"msg=(audit\([0-9.]+:[0-9]+\))")
_OTHER_ID = "0" * 64


@dataclass(frozen=True)
class Alteration:
    """`change` gives the new text of a line that belongs to a cited record, None to drop it.

    It breaks a claim whose KQL has one of `words`, or any where there are none. `only` may come out, where it is said.
    """

    name: str
    file: str
    change: Change
    words: tuple[str, ...] = ()
    only: frozenset[str] = frozenset()


def _sub(pattern: str, new: str) -> Change:
    return lambda line: re.sub(pattern, new, line)


def _without(kind: str) -> Change:
    return lambda line: None if line.startswith(f"type={kind} ") else line


def _stranger(line: str) -> str:
    """A process of nobody's: other session, other parent, other pid."""
    return re.sub(r"\bppid=\d+ pid=\d+", "ppid=1 pid=3999999", re.sub(r"\bses=\d+", "ses=4294967295", line))


def _torn(line: str) -> str:
    return line[: len(line) // 2] + "\n"


_DROPPED = "event dropped"
_REFUSED = frozenset({REFUSED})
_DAMAGE = frozenset({"INCONCLUSIVE"})
_WHOLE = PROJECT / "tests/recordings/whole-technique"
ALTERATIONS = (
    Alteration(_DROPPED, layout.AUDIT_LOG, lambda _: None),
    Alteration("SYSCALL record dropped", layout.AUDIT_LOG, _without("SYSCALL")),
    Alteration("EXECVE record dropped", layout.AUDIT_LOG, _without("EXECVE")),
    Alteration("call failed", layout.AUDIT_LOG, _sub(r"\bsuccess=yes", "success=no")),
    Alteration("a call that is no exec", layout.AUDIT_LOG, _sub(r"\bsyscall=59\b", "syscall=42")),
    Alteration(
        "other arguments",
        layout.AUDIT_LOG,
        lambda line: re.sub(r' (a\d+)="[^"]*"', r' \1="x"', line) if "type=EXECVE" in line else line,
        ("Argv", "CommandLine"),
    ),
    Alteration("other executable", layout.AUDIT_LOG, _sub(r'\bexe="[^"]*"', 'exe="/usr/bin/true"'), ("Exe ",)),
    Alteration("a stranger's process", layout.AUDIT_LOG, _stranger),
    Alteration("a year ago", layout.AUDIT_LOG, _sub(r"audit\(\d{4}", "audit(1763"), (), _REFUSED),
    Alteration("line dropped", layout.DAEMON_EVENTS, lambda _: None),
    Alteration("line torn", layout.DAEMON_EVENTS, _torn, (), _DAMAGE),
    Alteration("other container", layout.DAEMON_EVENTS, _sub(r"[0-9a-f]{64}", _OTHER_ID)),
    Alteration("other command", layout.DAEMON_EVENTS, _sub(r'"Cmd": \[[^]]*\]', '"Cmd": ["x"]'), ("Command ==",)),
    Alteration(
        "not privileged", layout.DAEMON_EVENTS, _sub(r'"Privileged": true', '"Privileged": false'), ("Privileged",)
    ),
    Alteration("privileged", layout.DAEMON_EVENTS, _sub(r'"Privileged": false', '"Privileged": true'), ("Privileged",)),
    Alteration(
        "other network", layout.DAEMON_EVENTS, _sub(r'"NetworkMode": "host"', '"NetworkMode": "x"'), ("NetworkMode ==",)
    ),
    Alteration("it failed", layout.DAEMON_EVENTS, _sub(r'"exitCode": "0"', '"exitCode": "137"'), ("ExitCode ==",)),
    Alteration("other action", layout.DAEMON_EVENTS, _sub(r'"Action": "\w+"', '"Action": "pause"')),
    Alteration("a year ago", layout.DAEMON_EVENTS, _sub(r"\b1795(?=\d{6}|\d{15})", "1763"), (), _REFUSED),
    Alteration("line dropped", layout.KUBE_AUDIT, lambda _: None),
    Alteration("line torn", layout.KUBE_AUDIT, _torn, (), _DAMAGE),
    Alteration("forbidden", layout.KUBE_AUDIT, _sub(r'"code":20\d', '"code":403')),
    Alteration("other user", layout.KUBE_AUDIT, _sub(r'"username":"[^"]*"', '"username":"mallory"')),
    Alteration("other resource", layout.KUBE_AUDIT, _sub(r'"resource":"\w+"', '"resource":"nodes"'), ("ObjectRef",)),
    Alteration("other path", layout.KUBE_AUDIT, _sub(r'"requestURI":"[^"]*"', '"requestURI":"/api"'), ("RequestUri",)),
    Alteration("other verb", layout.KUBE_AUDIT, _sub(r'"verb":"\w+"', '"verb":"delete"'), ("Verb",)),
    Alteration("not answered", layout.KUBE_AUDIT, _sub(r'"stage":"\w+"', '"stage":"RequestReceived"')),
    Alteration("a year ago", layout.KUBE_AUDIT, _sub(r'Timestamp":"20\d\d', 'Timestamp":"2025'), (), _REFUSED),
)


@dataclass(frozen=True)
class _Cited:
    """A claim of one verdict and the records that it cites, `raw/FILE:LINE` each."""

    role: str
    name: str
    sensor: str
    kql: str
    records: frozenset[str]


@functools.cache
def alone(atomic: str) -> Base:
    """What one of our recordings holds of one atomic: there is less to read each time."""
    return cut(base_of() if atomic in MAIN_JOB else base_of(_WHOLE), [atomic])


@functools.cache
def result_of(rule: str, atomic: str) -> AtomicResult:
    """The verdict on an atomic of an unchanged recording."""
    outcome = judged(alone(atomic).draft(rule, [atomic]))
    assert outcome.result is not None, outcome.refused
    return next(each for each in outcome.result.results if each.atomic == atomic)


def cited(rule: str, atomic: str, verdict: str = "PROVEN", only: frozenset[str] = frozenset()) -> Iterator[Sabotage]:
    """Each record that each claim of a verdict cites, dropped and altered, or in the ways that `only` names.

    Of a known gap it is what was done and seen: what the rule makes of it is told apart.
    """
    base, result = alone(atomic), result_of(rule, atomic)
    assert str(result.verdict) == verdict, f"{atomic} under {rule}: {result.verdict}: {result.reason}"
    claims = [claim for claim in _claims(rule, result) if verdict == "PROVEN" or claim.role != "alert"]
    made = set()
    for records in dict.fromkeys(claim.records for claim in claims):
        for alteration in [each for each in ALTERATIONS if not only or each.name in only]:
            names = sorted(record for record in records if record.startswith(f"{alteration.file}:"))
            broken = [c for c in claims if c.records <= set(names) and _is_broken(c, alteration)]
            lines = {name: _belonging(base, name) for name in names}
            if (*names, alteration) in made or not broken or not _changes(base, lines, alteration):
                continue
            made.add((*names, alteration))
            yield Sabotage(
                f"{alteration.name}: {', '.join(names)}",
                base,
                rule,
                atomic,
                functools.partial(_apply, lines=lines, change=alteration.change),
                alteration.only or _due(base, names, alteration.name, broken[0].role),
            )
        if len({record.partition(":")[0] for record in records}) > 1:  # alternatives, in several logs
            every = {record: _belonging(base, record) for record in sorted(records)}
            broken = [claim for claim in claims if claim.records <= records]
            gone = functools.partial(_apply, lines=every, change=lambda _: None)
            name = f"all of {', '.join(every)} dropped"
            yield Sabotage(name, base, rule, atomic, gone, _due(base, list(every), _DROPPED, broken[0].role))


_RIGHT = {
    "oracle": frozenset({"NOT_EXECUTED"}),
    "signal": frozenset({"NO_TELEMETRY"}),
    "alert": frozenset({"RULE_SILENT"}),
}


# By which an event is gone that a request vouches for.
_LOST = (_DROPPED, "line dropped", "other container", "other action")


def _due(base: Base, records: list[str], alteration: str, role: str) -> frozenset[str]:
    """Where serials are counted, a lost event is the sensor's loss; for some of the daemon's a request vouches."""
    auditd = next(each for each in base.manifest["sensors"] if each["name"] == "auditd")
    counted = any(mark["readings"] for mark in auditd["marks"])
    gone = alteration == _DROPPED and any(record.startswith(f"{layout.AUDIT_LOG}:") for record in records)
    if counted and gone:
        return _DAMAGE
    vouched = alteration in _LOST and any(record.startswith(f"{layout.DAEMON_EVENTS}:") for record in records)
    return _RIGHT[role] | (_DAMAGE if vouched else frozenset())


def _claims(rule: str, result: AtomicResult) -> list[_Cited]:
    """In the order in which they are judged."""
    entry = next(each.entry for each in expectations(rule) if each.atomic == result.atomic)
    kql = {signal.name: signal.kql for signal in [*entry.oracle, *entry.signals]}
    found = [_Cited("oracle", s.name, s.sensor, kql[s.name], _records(s.evidence)) for s in result.executed.oracle]
    found += [_Cited("signal", s.name, s.sensor, kql[s.name], _records(s.evidence)) for s in result.signals]
    return found + [_Cited("alert", "the alert", "", "", _records(alert.evidence)) for alert in result.alerts]


def _records(evidence: list[Evidence]) -> frozenset[str]:
    return frozenset(each.record for each in evidence)


def _is_broken(claim: _Cited, alteration: Alteration) -> bool:
    return not alteration.words or any(word in claim.kql for word in alteration.words)


def _belonging(base: Base, record: str) -> list[int]:
    """The places of the lines of a cited record: of an audit event, all of them."""
    file, _, line = record.rpartition(":")
    place = int(line) - 1
    stamp = _STAMP.search(base.raw[file][place])
    if not stamp:
        return [place]
    return [n for n, text in enumerate(base.raw[file]) if f"msg={stamp[1]}:" in text]


def _changes(base: Base, lines: dict[str, list[int]], alteration: Alteration) -> bool:
    texts = [base.raw[record.rpartition(":")[0]][place] for record, places in lines.items() for place in places]
    return any(alteration.change(text) != text for text in texts)


def _apply(draft: Draft, *, lines: dict[str, list[int]], change: Change) -> None:
    for record, places in lines.items():
        texts = draft.raw[record.rpartition(":")[0]]
        for place in places:
            texts[place] = change(texts[place]) or ""  # an empty text is no line: the numbers stay
