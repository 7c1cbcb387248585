"""The tests of a rule as a whole: what it says where no atomic ran, and whether it is proven."""

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
    """What is asked once of the rule of a file of expectations."""

    def __init__(self, *, expectations: list[Expectation], name: str, **kwargs: Any) -> None:
        super().__init__(expectation=expectations[0], kind=name, name=name, **kwargs)
        self.rule_expectations = expectations

    def judged(self) -> list[Result]:
        """The results in which something of the rule was judged. Skips this test where there are none."""
        rule = self.expectation.rule.id
        found = [result for outcome in self._outcomes for result in outcome.results if rule in result.background.alerts]
        if not found:
            self.skip(_NONE)
        return found

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """The file as a whole."""
        return self.path, 0, f"{self.expectation.rule.id}, {self.layer}"


class BackgroundItem(RuleItem):
    """What no atomic did, under one rule: `expectations/x.expect.yaml::background`."""

    def runtest(self) -> None:
        """Each alert there is a false positive."""
        rule = self.expectation.rule.id
        found: dict[str, list[Alert]] = {each.recording: each.background.alerts[rule] for each in self.judged()}
        if any(found.values()):
            self.fail(explain_background(rule, found))


class ProvenItem(RuleItem):
    """Whether the rule is proven, over all recordings: `expectations/x.expect.yaml::proven`.

    All expectations of the file count, deselected ones too: that they were not asked for makes no rule unproven.
    """

    def runtest(self) -> None:
        """It fires on an attack, and is silent in a benign run. What is undecided is not proven either."""
        places = {str(each.at()) for each in self.rule_expectations}
        own = [
            result.model_copy(update={"results": [each for each in result.results if each.at in places]})
            for result in self.judged()
        ]
        proofs = prove_rules(own)
        if not proofs:  # another file's rule has this one's name
            self.skip(_NONE)
        missing = [unproven(proof) for proof in proofs if not proof.proven]
        if missing:
            self.fail("\n".join(missing))
