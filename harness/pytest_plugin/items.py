"""The collected tests: for each atomic one item a layer, and one for the background of each rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from harness.errors import LivefireError
from harness.model.catalog import is_expectations
from harness.model.expectation import Expectation, load_expectations
from harness.model.result import Alert, AtomicResult
from harness.model.verdict import Verdict
from harness.pytest_plugin.explain import explain, explain_background, explain_variants
from harness.pytest_plugin.selection import BACKGROUND, EVASIONS
from harness.pytest_plugin.session import SessionPlugin
from harness.pytest_plugin.settings import SETTINGS
from harness.pytest_plugin.shared import Outcome
from harness.report.junit import properties_of

LAYERS = {
    "executed": (Verdict.NOT_EXECUTED,),
    "healthy": (Verdict.INCONCLUSIVE,),
    "seen": (Verdict.NO_TELEMETRY,),
    "fired": (Verdict.RULE_SILENT, Verdict.UNEXPECTED_ALERT),
    "flags": (Verdict.WRONG_FLAGS,),
}


class ExpectFile(pytest.File):
    """One `*.expect.yaml`."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """The atomics, or one collection error with every mistake in the file."""
        try:
            is_expectations(self.path)
            expectations = load_expectations(self.path)
            problems = plugin_of(self).mistakes(self.path, expectations)
            with_variants = [each for each in expectations if plugin_of(self).holds_variants(each)]
        except LivefireError as error:
            raise self.CollectError(self._short(str(error))) from None
        if problems:
            raise self.CollectError(self._short(problems))
        for each in expectations:
            yield AtomicTests.from_parent(
                self, name=each.atomic, expectation=each, variants=any(each is other for other in with_variants)
            )
        yield BackgroundItem.from_parent(self, name=BACKGROUND, expectations=expectations)

    def _short(self, text: str) -> str:
        return shorten(text, self.config)


class AtomicTests(pytest.Collector):
    """One atomic: `expectations/x.expect.yaml::T1059.013/some-atomic`."""

    def __init__(self, *, expectation: Expectation, variants: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expectation = expectation
        self._layers = {**dict.fromkeys(LAYERS, LayerItem), **({EVASIONS: VariantsItem} if variants else {})}
        self.extra_keyword_matches |= {expectation.rule.id}
        if expectation.entry.benign:
            self.extra_keyword_matches |= {"benign", expectation.entry.benign}

    def collect(self) -> Iterator[pytest.Item]:
        """Its layers, and one item for all its variants."""
        for layer, kind in self._layers.items():
            yield kind.from_parent(self, name=layer, expectation=self.expectation)


class LivefireItem(pytest.Item):
    """What all tests of a proof share: how they get their results, fail, skip and report."""

    def __init__(self, *, expectation: Expectation, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.expectation = expectation
        self.rule_expectations = [expectation]
        self.layer = self.name
        self._outcomes: list[Outcome] = []
        self._judged: dict[str, bool] = {}  # by recording
        atomic = {} if kind == BACKGROUND else {"atomic": expectation.atomic, "technique": _technique(expectation)}
        mode = self.config.stash[SETTINGS].mode
        self.add_marker(
            pytest.mark.livefire(layer=self.layer, rule=expectation.rule.id, kind=kind, mode=mode, **atomic)
        )

    def setup(self) -> None:
        """Have everything judged that this session is to judge. What goes wrong there is no layer that let go."""
        plugin = plugin_of(self)
        self._outcomes = plugin.outcomes(self.session, self.expectation)
        errors = [plugin.tell(outcome.error) for outcome in self._outcomes if outcome.error]
        if errors:
            self.fail("\n".join(errors))

    def fail(self, text: str) -> NoReturn:
        """End this test with an explanation, and without a traceback."""
        pytest.fail(shorten(text, self.config), pytrace=False)

    def results(self) -> list[tuple[str, AtomicResult]]:
        """What was judged by this expectation, variants of its atomic among it, each with its recording."""
        at = str(self.expectation.at())
        all_ = (result for outcome in self._outcomes for result in outcome.results)
        return [(result.recording, each) for result in all_ for each in result.results if each.at == at]

    def note(self, recording: str, *, judged: bool) -> None:
        """Remember that this layer was, or was not, judged in a recording."""
        self._judged[recording] = self._judged.get(recording, False) or judged

    def complete_report(self, report: pytest.TestReport) -> None:
        """Name the place of the expectation, and not that of our code."""
        path, line, _ = self.location
        if report.when != "teardown" and self.layer != BACKGROUND:  # as `livefire prove`: an attack must be judged
            report.livefire_judged = self._judged  # type: ignore[attr-defined]
        if report.skipped and isinstance(report.longrepr, tuple):
            report.longrepr = (path, (line or 0) + 1, report.longrepr[2])
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash and not self.config.getoption("fulltrace", False):
            crash.path, crash.lineno = path, (line or 0) + 1
            first = crash.message.removeprefix("Failed: ").split("\n")[:2]
            crash.message = " ".join(line.strip() for line in first)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where this item stands: pytest counts lines from 0. Not its name, in which pytest would replace dots."""
        return self.path, self.expectation.at().line - 1, f"{self.expectation.atomic}, layer {self.layer}"


class LayerItem(LivefireItem):
    """One layer of one expectation: `expectations/x.expect.yaml::T1059.013/some-atomic::seen`."""

    def __init__(self, *, expectation: Expectation, **kwargs: Any) -> None:
        super().__init__(expectation=expectation, kind="benign" if expectation.entry.benign else "attack", **kwargs)

    def runtest(self) -> None:
        """Judge this layer in every recording that holds the atomic: it fails in any, or is judged in any, or skips."""
        results = [(recording, result) for recording, result in self.results() if result.variant is None]
        if not results:
            pytest.skip(f"no recording holds {self.expectation.atomic}")
        reasons, broken = [], []
        for recording, result in results:
            self.user_properties += [("recording", recording), *properties_of(result).items()]
            reason = self._not_judged(result)
            self.note(recording, judged=not reason)
            if reason:
                reasons.append(reason)
            elif _layer_of(result.verdict) == self.layer:
                broken.append((recording, result))
        if broken:
            self.fail(explain(self.expectation, self.layer, broken, of=len(results)))
        if len(reasons) == len(results):
            pytest.skip("; ".join(dict.fromkeys(reasons)))

    def _not_judged(self, result: AtomicResult) -> str:
        """Why nothing is known of this layer; empty where something is."""
        if result.verdict is Verdict.SKIPPED:
            return result.reason
        broken, layers = _layer_of(result.verdict), list(LAYERS)
        if broken and layers.index(broken) < layers.index(self.layer):
            return f"the layer '{broken}' let go: {result.reason}"
        return ""


class VariantsItem(LivefireItem):
    """All variants of an atomic: `expectations/x.expect.yaml::T1059.013/some-atomic::evasions`."""

    def __init__(self, *, expectation: Expectation, **kwargs: Any) -> None:
        super().__init__(expectation=expectation, kind="variants", **kwargs)
        self.extra_keyword_matches.add("variants")

    def runtest(self) -> None:
        """Those that were skipped prove nothing."""
        results = [(recording, result) for recording, result in self.results() if result.variant]
        for recording, result in results:
            self.note(recording, judged=result.verdict is not Verdict.SKIPPED)
        judged = [(recording, result) for recording, result in results if result.verdict is not Verdict.SKIPPED]
        if not judged:
            reasons = dict.fromkeys(result.reason for _, result in results)
            pytest.skip("; ".join(reasons) or f"no recording holds a variant of {self.expectation.atomic}")
        wrong = [(recording, result) for recording, result in judged if not result.verdict.as_expected]
        if wrong:
            self.fail(explain_variants(self.expectation, wrong, of=len(judged)))


class BackgroundItem(LivefireItem):
    """What no atomic did, under one rule: `expectations/x.expect.yaml::background`."""

    def __init__(self, *, expectations: list[Expectation], **kwargs: Any) -> None:
        super().__init__(expectation=expectations[0], kind=BACKGROUND, **kwargs)
        self.rule_expectations = expectations

    def runtest(self) -> None:
        """Each alert there is a false positive."""
        rule = self.expectation.rule.id
        found: dict[str, list[Alert]] = {}
        for result in [result for outcome in self._outcomes for result in outcome.results]:
            if rule in result.background.alerts:
                found[result.recording] = result.background.alerts[rule]
        if not found:
            pytest.skip("no recording holds an atomic of these expectations")
        if any(found.values()):
            self.fail(explain_background(rule, found))

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """The file as a whole."""
        return self.path, 0, f"{self.expectation.rule.id}, background"


def plugin_of(node: pytest.Item | pytest.Collector) -> SessionPlugin:
    """The plugin's state in this process."""
    found = node.config.pluginmanager.get_plugin("livefire-session")
    assert isinstance(found, SessionPlugin)  # registered whenever anything of ours is collected
    return found


def shorten(text: str, config: pytest.Config) -> str:
    """Paths below the folder in which pytest was started, relative to it, as pytest shows them."""
    return text.replace(f"{config.invocation_params.dir}/", "")


def _layer_of(verdict: Verdict) -> str:
    """The layer that let go; empty when none did."""
    return next((layer for layer, verdicts in LAYERS.items() if verdict in verdicts), "")


def _technique(expectation: Expectation) -> str:
    return expectation.atomic.partition("/")[0]
