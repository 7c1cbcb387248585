"""Why two results differ, from facts that both hold, in the order in which causes are checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.model.atomic_result import AtomicResult
from harness.model.comparison import Cause
from harness.model.result import Result

# Each lab chooses its port anew, and a command line may name it.
_LOOPBACK_PORT = re.compile(r"127\.0\.0\.1:\d+")
_SHORT = 12


@dataclass(frozen=True)
class Seen:
    """The result of one atomic, and the run that it comes from."""

    run: Result
    result: AtomicResult


def changed(old: Sequence[Seen], new: Sequence[Seen]) -> dict[Cause, str]:
    """What differs between the inputs of these results, in words, by cause and in their order."""
    details = {
        Cause.EXPECTATION: _expectations(old, new),
        Cause.RULE: _rules(old, new),
        Cause.ATOMIC: _atomics(old, new),
        Cause.VERSION: _versions(old, new),
        Cause.LAB: _lab(old, new),
        Cause.HEALTH: _health(old, new),
    }
    return {cause: detail for cause, detail in details.items() if detail}


def cause_of(old: Sequence[Seen], new: Sequence[Seen], excluded: Iterable[Cause] = ()) -> tuple[Cause, str]:
    """The first cause that applies, and its facts; the names of further ones. `excluded` are not considered."""
    details = {cause: detail for cause, detail in changed(old, new).items() if cause not in excluded}
    if not details:
        return _unknown(old, new)
    first, *others = details
    also = f" (also: {', '.join(others)})" if others else ""
    return first, details[first] + also


def _unknown(old: Sequence[Seen], new: Sequence[Seen]) -> tuple[Cause, str]:
    """The cause where no known input differs. A replay does not flake: only a change of Livefire can change it."""
    known = all(seen.result.inputs.rule for seen in [*old, *new])
    doubt = "" if known else "; an older result does not say whether the rule has"
    if {seen.run.run_id for seen in old} == {seen.run.run_id for seen in new}:
        return Cause.VERSION, f"one recording judged twice: Livefire itself has changed{doubt}"
    return Cause.FLAKE, f"nothing that is known has changed{doubt}"


def _expectations(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    olds = {(seen.result.atomic, seen.result.rule): seen.result for seen in old}
    pairs = [(olds.get((seen.result.atomic, seen.result.rule)), seen.result) for seen in new]
    different = [after.at for before, after in pairs if before and _expects(before, after) != _expects(after, before)]
    more = f" and {len(different) - 1} more" if len(different) > 1 else ""
    return f"{different[0]}{more}" if different else ""


def _expects(first: AtomicResult, second: AtomicResult) -> object:
    """What `first` expected, to compare with `second`: the digest where both have one."""
    if first.inputs.expectation and second.inputs.expectation:
        return first.inputs.expectation
    flags = {name: flag.expected for name, flag in first.flags.items() if flag.expected is not None}
    return first.fired.expected, first.fired.expected_rows, flags


def _rules(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    before, after = _digests(old), _digests(new)
    changes = []
    for rule in sorted(before.keys() & after.keys()):
        if before[rule] != after[rule] and "" not in before[rule] | after[rule]:
            changes.append(f"{rule}: query {_shortened(before[rule])} -> {_shortened(after[rule])}")
    return ", ".join(changes)


def _digests(seen: Sequence[Seen]) -> dict[str, set[str]]:
    digests: dict[str, set[str]] = {}
    for case in seen:
        digests.setdefault(case.result.rule, set()).add(case.result.inputs.rule)
    return digests


def _shortened(digests: Iterable[str]) -> str:
    return "/".join(sorted(digest[:_SHORT] for digest in digests))


def _atomics(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    """Commands that differ, and atomics that only one side has. A skipped atomic has no command to compare."""
    before, after = ({seen.result.atomic: _command(seen) for seen in side} for side in (old, new))
    both = before.keys() & after.keys()
    differing = sorted(name for name in both if before[name] and after[name] and before[name] != after[name])
    more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
    changes = [f"command of {differing[0]}{more}"] if differing else []
    changes += [f"{len(after.keys() - both)} new"] if after.keys() - both else []
    changes += [f"{len(before.keys() - both)} gone"] if before.keys() - both else []
    return ", ".join(changes)


def _command(seen: Seen) -> str:
    text = _LOOPBACK_PORT.sub("127.0.0.1:PORT", seen.result.executed.command)
    for lab_part in (seen.run.lab.docker, seen.run.lab.cluster):
        text = text.replace(lab_part.name, "LAB") if lab_part and lab_part.name else text
    return text


def _versions(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    return _differences(
        *(_merged(seen.run.versions | seen.run.engine.versions for seen in side) for side in (old, new))
    )


def _lab(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    return _differences(*(_merged(_lab_of(seen.run) for seen in side) for side in (old, new)))


def _lab_of(run: Result) -> dict[str, str]:
    """What was chosen for the lab; no names, which differ in each lab, and no versions, which are a separate cause."""
    facts = {"image": run.lab.image, "runtime shim": str(run.lab.runtime_shim).lower()}
    for name, lab_part in (("docker", run.lab.docker), ("cluster", run.lab.cluster)):
        if lab_part:
            facts |= {name: lab_part.kind, f"{name} node image": lab_part.node_image}
    return {name: value for name, value in facts.items() if value}


def _merged(facts: Iterable[dict[str, str]]) -> dict[str, str]:
    """The facts of several runs as one; differing values are joined by `/`."""
    merged: dict[str, set[str]] = {}
    for of_run in facts:
        for name, value in of_run.items():
            merged.setdefault(name, set()).add(value)
    return {name: "/".join(sorted(values)) for name, values in merged.items()}


def _differences(before: dict[str, str], after: dict[str, str]) -> str:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(f"{name} {before.get(name, '(none)')} -> {after.get(name, '(none)')}" for name in names)


def _health(old: Sequence[Seen], new: Sequence[Seen]) -> str:
    """The sensors that are unhealthy on one side only. A skipped atomic has no health to compare."""
    before, after = _problems(old), _problems(new)
    changes = [problem for sensor, problem in after.items() if sensor not in before]
    changes += [f"no longer: {problem}" for sensor, problem in before.items() if sensor not in after]
    return "; ".join(changes)


def _problems(seen: Sequence[Seen]) -> dict[str, str]:
    """The first problem of each unhealthy sensor."""
    problems: dict[str, str] = {}
    for case in seen:
        for health in case.result.health:
            if not health.ok:
                first = health.problems[0] if health.problems else f"{health.sensor}: unhealthy"
                problems.setdefault(health.sensor, first)
    return problems
