"""What was selected and not judged. Without it, a result would look complete."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from harness.model.atomic_result import AtomicResult
from harness.model.expectation import Expectation
from harness.model.manifest import Manifest
from harness.model.result import Result, Unjudged
from harness.model.rule import Rule
from harness.model.verdict import ExitCode, Verdict


def in_recording(manifest: Manifest, judged: Sequence[AtomicResult]) -> list[Unjudged]:
    """Of one recording: atomics without expectations, and skips that no expectation allows."""
    skipped = [result for result in judged if result.verdict is Verdict.SKIPPED and not result.may_skip]
    return without_rules(manifest, {result.atomic for result in judged}) + [
        Unjudged(kind="skip", name=e.atomic, rule=e.rule, reason=e.reason, at=e.at) for e in skipped
    ]


def without_rules(manifest: Manifest, expected: Collection[str]) -> list[Unjudged]:
    """The atomics of a recording that have no expectation, and whose atomic, for a variant, has none."""
    return [
        Unjudged(kind="atomic", name=detonation.atomic, reason="no rule expects anything of it")
        for detonation in manifest.detonations
        if detonation.atomic not in expected and (detonation.variant is None or detonation.variant.of not in expected)
    ]


def unheld(expectations: Sequence[Expectation], results: Iterable[Result]) -> list[Unjudged]:
    """Expectations whose atomic was in none of the recordings, so that they judged nothing."""
    held = {judged.atomic for result in results for judged in result.results}
    return [
        Unjudged(
            kind="expectation", name=e.atomic, rule=e.rule.id, reason="no recording holds its atomic", at=str(e.at())
        )
        for e in expectations
        if e.atomic not in held
    ]


def unknown(expectations: Sequence[Expectation], atomics: Iterable[str]) -> list[Unjudged]:
    """Expectations whose atomic does not exist: it may have been renamed."""
    known = set(atomics)
    return [
        Unjudged(kind="expectation", name=e.atomic, rule=e.rule.id, reason="there is no such atomic", at=str(e.at()))
        for e in expectations
        if e.atomic not in known
    ]


def without_expectations(rules: Iterable[Rule]) -> list[Unjudged]:
    """Rules without expectations."""
    return [
        Unjudged(kind="rule", name=rule.id, rule=rule.id, reason="it has no expectations", at=str(rule.path))
        for rule in rules
    ]


def completed(results: Sequence[Result], more: Sequence[Unjudged], *, required: bool) -> list[Result]:
    """The results of one command, each with all that was not judged. With `required`, anything unjudged is unmet."""
    marked = []
    for result in results:
        left = [*result.unjudged, *more]
        unmet = required and bool(left) and result.exit_code in (ExitCode.AS_EXPECTED, ExitCode.INCONCLUSIVE)
        code = ExitCode.UNMET if unmet else result.exit_code
        marked.append(result.model_copy(update={"unjudged": left, "all_required": required, "exit_code": code}))
    return marked
