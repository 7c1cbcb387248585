"""The collected tests: for each atomic an item per layer, and for each rule its background and its own proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import LivefireError
from harness.files.expectation_file import load_expectations
from harness.files.yaml_files import is_expectations
from harness.model.atomic_result import AtomicResult
from harness.model.expectation import Expectation
from harness.model.verdict import LAYERS, Verdict
from harness.pytest_plugin.answers import answers_of
from harness.pytest_plugin.explain import explain, explain_variants
from harness.pytest_plugin.item import LivefireItem
from harness.pytest_plugin.pytest_terminal import shorten
from harness.pytest_plugin.rule_items import BackgroundItem, ProvenItem
from harness.pytest_plugin.selection import BACKGROUND, EVASIONS, PROVEN
from harness.pytest_plugin.settings import SETTINGS
from harness.report.junit import properties_of
from harness.report.shown import shown
from harness.text import visible

_NAMES = tuple(dict.fromkeys(filter(None, LAYERS.values())))  # of the tests of one atomic, in order


class ExpectFile(pytest.File):
    """One `*.expect.yaml`."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """The atomics, or one collection error with every mistake in the file."""
        answers_of(self).collected.files.add(self.path)
        try:
            is_expectations(self.path)
            expectations = load_expectations(self.path, read=answers_of(self).collected.read)
            problems = answers_of(self).mistakes(self.path, expectations)
            with_variants = [answers_of(self).holds_variants(expectation) for expectation in expectations]
        except LivefireError as error:
            raise self.CollectError(self._short(str(error))) from None
        if problems:
            raise self.CollectError(self._short(problems))
        for expectation, variants in zip(expectations, with_variants, strict=True):
            name = visible(expectation.atomic)
            yield AtomicTests.from_parent(self, name=name, expectation=expectation, variants=variants)
        for name, kind in ((BACKGROUND, BackgroundItem), (PROVEN, ProvenItem)):
            yield kind.from_parent(self, name=name, expectations=expectations)

    def _short(self, text: str) -> str:
        return shorten(text, self.config)


class AtomicTests(pytest.Collector):
    """One atomic: `expectations/x.expect.yaml::T1059.013/some-atomic`."""

    def __init__(self, *, expectation: Expectation, variants: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expectation = expectation
        self._layers = {**dict.fromkeys(_NAMES, LayerItem), **({EVASIONS: VariantsItem} if variants else {})}
        self.extra_keyword_matches |= {expectation.rule.id}
        if expectation.entry.benign:
            self.extra_keyword_matches |= {"benign", expectation.entry.benign}

    def collect(self) -> Iterator[pytest.Item]:
        """Its layers, and one item for all its variants."""
        for layer, kind in self._layers.items():
            yield kind.from_parent(self, name=layer, expectation=self.expectation)


class LayerItem(LivefireItem):
    """One layer of one expectation: `expectations/x.expect.yaml::T1059.013/some-atomic::seen`."""

    def __init__(self, *, expectation: Expectation, **kwargs: Any) -> None:
        super().__init__(expectation=expectation, kind="benign" if expectation.entry.benign else "attack", **kwargs)

    def runtest(self) -> None:
        """Judge this layer in every recording that holds the atomic.

        Fails if it fails in one of them. Skips if it was judged in none of them.
        """
        results = [(recording, result) for recording, result in self.results() if result.variant is None]
        if not results:
            self.leave_out(f"no recording holds {self.expectation.atomic}")
        self.require_no_skip(results)
        reasons, broken = [], []
        for recording, result in results:
            self.user_properties += [("recording", visible(recording)), *properties_of(shown(result)).items()]
            reason = self._not_judged(result)
            self.note(recording, judged=not reason)
            if reason:
                reasons.append(reason)
            elif LAYERS[result.verdict] == self.layer:
                broken.append((recording, result))
        if broken:
            self.fail(explain(self.expectation, self.layer, broken, of=len(results)))
        if unreported := self._unreported(results):
            self.leave_out(unreported)
        if len(reasons) == len(results):
            self.skip("; ".join(dict.fromkeys(reasons)))

    def _not_judged(self, result: AtomicResult) -> str:
        """Why this layer was not judged; empty where it was."""
        if result.verdict is Verdict.SKIPPED:
            return result.reason
        if self.layer == "executed" and result.verdict is Verdict.INCONCLUSIVE and not result.executed.effect:
            return f"it is not known whether it had an effect: {result.reason}"
        broken, layers = LAYERS[result.verdict], _NAMES
        if broken and layers.index(broken) < layers.index(self.layer):
            return f"the layer '{broken}' failed: {result.reason}"
        return ""

    def _unreported(self, results: list[tuple[str, AtomicResult]]) -> str:
        """With --livefire-require-all, a failure in an earlier layer that is deselected, so that no test reports it."""
        if not self.config.stash[SETTINGS].require_all:
            return ""
        selected = {item.name for item in self.session.items if item.parent is self.parent}
        failed = (r for _, r in results if self._not_judged(r) and (LAYERS[r.verdict] or self.layer) not in selected)
        return next((self._not_judged(result) for result in failed), "")


class VariantsItem(LivefireItem):
    """All variants of an atomic: `expectations/x.expect.yaml::T1059.013/some-atomic::evasions`."""

    def __init__(self, *, expectation: Expectation, **kwargs: Any) -> None:
        super().__init__(expectation=expectation, kind="variants", **kwargs)
        self.extra_keyword_matches.add("variants")

    def runtest(self) -> None:
        """Judge the variants that were not skipped; skip this test where all of them were."""
        results = [(recording, result) for recording, result in self.results() if result.variant]
        for recording, result in results:
            self.note(recording, judged=result.verdict is not Verdict.SKIPPED)
        self.require_no_skip(results)
        judged = [(recording, result) for recording, result in results if result.verdict is not Verdict.SKIPPED]
        if not judged:
            reasons = dict.fromkeys(result.reason for _, result in results)
            self.skip("; ".join(reasons) or f"no recording holds a variant of {self.expectation.atomic}")
        wrong = [(recording, result) for recording, result in judged if not result.verdict.as_expected]
        if wrong:
            self.fail(explain_variants(self.expectation, wrong, of=len(judged)))
