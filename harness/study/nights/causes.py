"""Why two results differ: from facts that stand in both, in the order in which they are asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model.atomic_result import AtomicResult
from harness.model.comparison import Cause
from harness.model.result import Result

# What each lab chooses anew, and a command line may name.
_LOOPBACK_PORT = re.compile(r"127\.0\.0\.1:\d+")
_SHORT = 12


@dataclass(frozen=True)
class Seen:
    """The result of one atomic, and the run that it is from."""

    run: Result
    each: AtomicResult


def changed(old: Sequence[Seen], new: Sequence[Seen]) -> dict[Cause, str]:
    """What differs between the inputs of these results, in words, in the order of the causes."""
    found = {
        Cause.EXPECTATION: _expectations(old, new),
        Cause.RULE: _rules(old, new),
        Cause.ATOMIC: _atomics(old, new),
        Cause.VERSION: _versions(old, new),
        Cause.LAB: _lab(old, new),
        Cause.HEALTH: _health(old, new),
    }
    return {cause: detail for cause, detail in found.items() if detail}


def cause_of(old: Sequence[Seen], new: Sequence[Seen], unasked: Iterable[Cause] = ()) -> tuple[Cause, str]:
    """The first cause that applies, and its facts; further ones are named. `unasked` can't have mattered."""
    found = {cause: detail for cause, detail in changed(old, new).items() if cause not in unasked}
    if not found:
        return _unknown(old, new)
    first, *others = found
    also = f" (also: {', '.join(others)})" if others else ""
    return first, found[first] + also


def _unknown(old: Sequence[Seen], new: Sequence[Seen]) -> tuple[Cause, str]:
    """Where nothing that is known differs. A replay does not flake: it gives what it gave, but for Livefire itself."""
    told = all(seen.each.inputs.rule for seen in [*old, *new])
    doubt = "" if told else "; whether the rule has, an older result does not tell"
    if {seen.run.run_id for seen in old} == {seen.run.run_id for seen in new}:
        return Cause.VERSION, f"one recording, judged twice: Livefire itself has changed{doubt}"
    return Cause.FLAKE, f"nothing that is known has changed{doubt}"


def _expectations(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    before = {(seen.each.atomic, seen.each.rule): seen.each for seen in old}
    pairs = [(before.get((seen.each.atomic, seen.each.rule)), seen.each) for seen in new]
    different = [after.at for one, after in pairs if one and _expects(one, after) != _expects(after, one)]
    more = f" and {len(different) - 1} more" if len(different) > 1 else ""
    return f"{different[0]}{more}" if different else ""


def _expects(one: AtomicResult, other: AtomicResult) -> object:
    """What was expected, to be compared with the other's: by digest where both have one."""
    if one.inputs.expectation and other.inputs.expectation:
        return one.inputs.expectation
    flags = {name: flag.expected for name, flag in one.flags.items() if flag.expected is not None}
    return one.fired.expected, one.fired.expected_rows, flags


def _rules(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    before, after = _digests(old), _digests(new)
    told = []
    for rule in sorted(before.keys() & after.keys()):
        if before[rule] != after[rule] and "" not in before[rule] | after[rule]:
            told.append(f"{rule}: query {_shortened(before[rule])} -> {_shortened(after[rule])}")
    return ", ".join(told)


def _digests(seen: Sequence[Seen]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in seen:
        found.setdefault(one.each.rule, set()).add(one.each.inputs.rule)
    return found


def _shortened(digests: Iterable[str]) -> str:
    return "/".join(sorted(digest[:_SHORT] for digest in digests))


def _atomics(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    """Commands that differ, and atomics that only one side has. One that was skipped has no command to compare."""
    before, after = ({seen.each.atomic: _command(seen) for seen in side} for side in (old, new))
    both = before.keys() & after.keys()
    other = sorted(name for name in both if before[name] and after[name] and before[name] != after[name])
    told = [f"command of {other[0]}" + (f" and {len(other) - 1} more" if len(other) > 1 else "")] if other else []
    told += [f"{len(after.keys() - both)} new"] if after.keys() - both else []
    told += [f"{len(before.keys() - both)} gone"] if before.keys() - both else []
    return ", ".join(told)


def _command(seen: Seen) -> str:
    text = _LOOPBACK_PORT.sub("127.0.0.1:PORT", seen.each.executed.command)
    for part in (seen.run.lab.docker, seen.run.lab.cluster):
        text = text.replace(part.name, "LAB") if part and part.name else text
    return text


def _versions(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    return _differences(
        *(_merged(seen.run.versions | seen.run.engine.versions for seen in side) for side in (old, new))
    )


def _lab(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    return _differences(*(_merged(_lab_of(seen.run) for seen in side) for side in (old, new)))


def _lab_of(run: Result) -> dict[str, str]:
    """What was chosen, without names, which each lab has of its own, and versions, which are asked by themselves."""
    facts = {"image": run.lab.image, "runtime shim": str(run.lab.runtime_shim).lower()}
    for name, part in (("docker", run.lab.docker), ("cluster", run.lab.cluster)):
        if part:
            facts |= {name: part.kind, f"{name} node image": part.node_image}
    return {name: value for name, value in facts.items() if value}


def _merged(facts: Iterable[dict[str, str]]) -> dict[str, str]:
    """One set of facts of several runs; values that differ stand side by side."""
    found: dict[str, set[str]] = {}
    for each in facts:
        for name, value in each.items():
            found.setdefault(name, set()).add(value)
    return {name: "/".join(sorted(values)) for name, values in found.items()}


def _differences(before: dict[str, str], after: dict[str, str]) -> str:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(f"{name} {before.get(name, '(none)')} -> {after.get(name, '(none)')}" for name in names)


def _health(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    """The sensors that are unwell on one side only. A skipped atomic has no health to compare."""
    before, after = _problems(old), _problems(new)
    told = [problem for sensor, problem in after.items() if sensor not in before]
    told += [f"no longer: {problem}" for sensor, problem in before.items() if sensor not in after]
    return "; ".join(told)


def _problems(seen: Sequence[Seen]) -> dict[str, str]:
    """The first problem of each unwell sensor."""
    found: dict[str, str] = {}
    for one in seen:
        for health in one.each.health:
            if not health.ok:
                found.setdefault(health.sensor, health.problems[0] if health.problems else f"{health.sensor}: unwell")
    return found
