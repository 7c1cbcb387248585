"""Where the results come from: one capture or replay for the whole session, when the first test asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import pytest_plugin as plugin
from harness.capture.lab.choice import LabChoice
from harness.evasion.choice import with_marked
from harness.model.catalog import check_atomics_known, find_atomics
from harness.model.expectation import Expectation
from harness.model.result import AtomicResult, Result
from harness.proof.prove import prove
from harness.recording import open_recording


class Provider:
    """Judges all expectations that the session will run, once."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._results: list[Result] | None = None
        self._failure: Exception | None = None

    def results(self) -> list[Result]:
        """All results. An error is raised again for each test that asks: none of them has been judged."""
        if self._failure:
            raise self._failure
        if self._results is None:
            try:
                self._results = self._obtain()
            except Exception as error:
                self._failure = error
                raise
        return self._results

    def of(self, expectation: Expectation) -> list[AtomicResult]:
        """The results of one expectation, one for each recording that holds its atomic."""
        wanted = (expectation.atomic, expectation.rule.id)
        return [each for result in self.results() for each in result.results if (each.atomic, each.rule) == wanted]

    def variants_of(self, expectation: Expectation) -> list[AtomicResult]:
        """The results of the variants of an expectation's atomic, in all recordings."""
        rule = expectation.rule.id
        found = [each for result in self.results() for each in result.results if each.rule == rule]
        return [each for each in found if each.variant and each.variant.of == expectation.atomic]

    def _obtain(self) -> list[Result]:
        config, expectations = self._session.config, self._expectations()
        recordings = plugin._recordings(config)
        if recordings:
            raw = plugin.from_raw(config)
            return [prove(open_recording(path), expectations, from_raw=raw) for path in recordings]
        return [self._live(config, expectations)]

    def _live(self, config: pytest.Config, expectations: list[Expectation]) -> Result:
        from harness import session  # the capture half needs more than a replay does

        atomics = find_atomics([Path(plugin.option(config, "atomics"))])
        if problems := check_atomics_known(expectations, atomics):
            raise problems[0]
        names = {expectation.atomic for expectation in expectations}
        audit_log = plugin.option(config, "kube-audit-log")
        choice = LabChoice(
            cluster=plugin.option(config, "cluster"),
            docker=plugin.option(config, "docker"),
            kube_audit_log=Path(audit_log) if audit_log else None,
            node_image=plugin.option(config, "node-image") or None,
        )
        folder = plugin.option(config, "folder")
        return session.live_result(
            with_marked([atomic for atomic in atomics if atomic.id in names], expectations),
            expectations,
            choice,
            folder=Path(folder) if folder else None,
        )

    def _expectations(self) -> list[Expectation]:
        from harness.pytest_plugin.items import LayerItem

        items = [item for item in self._session.items if isinstance(item, LayerItem)]
        return list({(str(i.expectation.source.path), i.expectation.index): i.expectation for i in items}.values())
