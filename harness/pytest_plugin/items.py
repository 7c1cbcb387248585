"""The collected tests: for each atomic one item a layer, and one for the background of each rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import LivefireError
from harness.model.expectation import Expectation, load_expectations
from harness.model.result import AtomicResult
from harness.model.verdict import Verdict
from harness.proof.lint import check
from harness.pytest_plugin.provider import Provider
from harness.report.describe import alert_lines, details
from harness.report.junit import properties_of

LAYERS = {
    "executed": (Verdict.NOT_EXECUTED,),
    "healthy": (Verdict.INCONCLUSIVE,),
    "seen": (Verdict.NO_TELEMETRY,),
    "fired": (Verdict.RULE_SILENT, Verdict.UNEXPECTED_ALERT),
    "flags": (Verdict.WRONG_FLAGS,),
}
_PROVIDER = pytest.StashKey[Provider]()


class LayerFailed(Exception):
    """A layer let go; the text is the whole explanation."""


class ExpectFile(pytest.File):
    """One `*.expect.yaml`."""

    def collect(self) -> Iterator[pytest.Item]:
        """The items, or one collection error with every mistake in the file."""
        try:
            expectations = load_expectations(self.path)
            problems = check(expectations)
        except LivefireError as error:
            raise self.CollectError(str(error)) from None
        if problems:
            raise self.CollectError("\n".join(str(problem) for problem in problems))
        for expectation in expectations:
            for layer in LAYERS:
                name = f"{expectation.atomic}::{layer}"
                yield LayerItem.from_parent(self, name=name, expectation=expectation, layer=layer)
            if expectation.entry.evade:
                name = f"{expectation.atomic}::evasions"
                yield LayerItem.from_parent(self, name=name, expectation=expectation, layer="evasions")
        yield LayerItem.from_parent(self, name="background", expectation=expectations[0], layer="background")


class LayerItem(pytest.Item):
    """One layer of one expectation: `expectations/x.expect.yaml::T1059.013/some-atomic::seen`."""

    def __init__(self, *, expectation: Expectation, layer: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expectation = expectation
        self.layer = layer
        self.judged = False
        self.add_marker("livefire")

    def runtest(self) -> None:
        """Judge this layer in every recording that holds the atomic."""
        provider = self.session.stash.setdefault(_PROVIDER, Provider(self.session))
        if self.layer == "background":
            self._check_background(provider)
            return
        if self.layer == "evasions":
            self._check_variants(provider)
            return
        results = provider.of(self.expectation)
        if not results:
            pytest.skip(f"no recording holds {self.expectation.atomic}")
        for result in results:
            self.user_properties += list(properties_of(result).items())
            self._check(result)

    def _check(self, result: AtomicResult) -> None:
        if result.verdict is Verdict.SKIPPED:
            pytest.skip(result.reason)
        layers = list(LAYERS)
        broken = next((layer for layer, verdicts in LAYERS.items() if result.verdict in verdicts), None)
        if broken and layers.index(broken) < layers.index(self.layer):
            pytest.skip(f"the layer '{broken}' let go: {result.reason}")
        self.judged = True
        if broken == self.layer:
            raise LayerFailed("\n".join([*details(result), *self._yaml()]))

    def _check_variants(self, provider: Provider) -> None:
        """All variants of the atomic; those that were skipped prove nothing."""
        results = [each for each in provider.variants_of(self.expectation) if each.verdict is not Verdict.SKIPPED]
        if not results:
            pytest.skip(f"no recording holds a variant of {self.expectation.atomic}")
        self.judged = True
        wrong = [each for each in results if not each.verdict.as_expected]
        if wrong:
            head = f"{len(wrong)} of {len(results)} variants are not as expected"
            raise LayerFailed("\n".join([head, *(line for each in wrong for line in details(each))]))

    def _check_background(self, provider: Provider) -> None:
        rule = self.expectation.rule.id
        found = [alert for result in provider.results() for alert in result.background.alerts.get(rule, [])]
        self.judged = not found and any(rule in result.background.alerts for result in provider.results())
        if found:
            lines = [line for alert in found for line in alert_lines(alert)]
            raise LayerFailed("\n".join([f"{rule} fires where no atomic ran", *lines]))

    def _yaml(self) -> list[str]:
        """The expectation as it stands in the file."""
        position = self.expectation.at()
        lines = self.path.read_text(encoding="utf-8").splitlines()
        shown = [lines[position.line - 1]]
        for line in lines[position.line :]:
            if line.strip() and len(line) - len(line.lstrip()) < position.column:
                break
            shown.append(line)
        return [f"{position}:", *(f"    {line}" for line in shown)]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What a person needs, and no traceback of ours."""
        if isinstance(excinfo.value, LayerFailed | LivefireError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where this item stands: pytest counts lines from 0. Not its name, in which pytest would replace dots."""
        return self.path, self.expectation.at().line - 1, f"{self.expectation.atomic}, layer {self.layer}"
