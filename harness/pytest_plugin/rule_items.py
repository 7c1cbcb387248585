"""The tests of a whole rule: its alerts in the background, and whether it is proven."""

from __future__ import annotations

from typing import Any

from harness.judge.rule_proof import prove_rules
from harness.model.atomic_result import Alert
from harness.model.expectation import Expectation
from harness.model.result import Result
from harness.pytest_plugin.explain import explain_background
from harness.pytest_plugin.item import LivefireItem
from harness.report.describe import unproven

_NONE = "no recording holds an atomic of these expectations"


class RuleItem(LivefireItem):
    """A test of the rule of a file of expectations, once for each file."""

    def __init__(self, *, expectations: list[Expectation], name: str, **kwargs: Any) -> None:
        super().__init__(expectation=expectations[0], kind=name, name=name, **kwargs)
        self.rule_expectations = expectations

    def judged(self) -> list[Result]:
        """The results in which something of the rule was judged. Skips this test where there are none."""
        rule = self.expectation.rule.id
        results = [result for outcome in self._outcomes for result in outcome.results]
        judged = [result for result in results if rule in result.background.alerts]
        if not judged:
            self.skip(_NONE)
        return judged

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """The place is the file, and no single expectation."""
        return self.path, 0, f"{self.expectation.rule.id}, {self.layer}"


class BackgroundItem(RuleItem):
    """The background under one rule: `expectations/x.expect.yaml::background`."""

    def runtest(self) -> None:
        """Fail for each alert: it is a false alarm."""
        rule = self.expectation.rule.id
        alerts_in: dict[str, list[Alert]] = {r.recording: r.background.alerts[rule] for r in self.judged()}
        if any(alerts_in.values()):
            self.fail(explain_background(rule, alerts_in))


class ProvenItem(RuleItem):
    """Whether the rule is proven, over all recordings: `expectations/x.expect.yaml::proven`.

    All expectations of the file count, deselected ones too: to deselect one does not make a rule unproven.
    """

    def runtest(self) -> None:
        """Fail unless the rule fires on an attack and is silent on a benign run. If this is undecided, fail too."""
        places = {str(expectation.at()) for expectation in self.rule_expectations}
        own = [
            result.model_copy(update={"results": [row for row in result.results if row.at in places]})
            for result in self.judged()
        ]
        proofs = prove_rules(own)
        if not proofs:  # the results are of another file, whose rule has the same name
            self.skip(_NONE)
        missing = [unproven(proof) for proof in proofs if not proof.proven]
        if missing:
            self.fail("\n".join(missing))
