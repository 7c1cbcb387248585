"""The account for a terminal: two rules side by side, within 80 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.model.result import Result
from harness.model.rule_figures import BenignRuns, FlagCounts, Recall, TuningResult
from harness.recording import open_recording
from harness.report.recall_text import print_account
from tests.conftest import COMMITTED, EXPECTATIONS

RULES = ("container-cli-api", "container-api-hardened")


@pytest.fixture(scope="module")
def result() -> Result:
    proven = prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))
    half, none = Recall(executed=9, equivalent=8, fired=4, flags_right=3), Recall(executed=1)
    return proven.model_copy(
        update={
            "recall": {rule: {"flag-spelling": half, "compose": none} for rule in RULES},
            "recall_split": {rule: {"tuned": half, "held_out": none} for rule in RULES},
            "benign": {RULES[0]: {"ci-pipeline": BenignRuns(commands=40, alerts=6, flags={"HostMount": 1})}},
            "flags": {RULES[0]: {"HostMount": FlagCounts(attacks=3, benign=1)}},
            "tuning": {
                RULES[0]: [
                    TuningResult(name="as it is", where="", alerts=10, benign_alerts=6, attacks=4, fired=4),
                    TuningResult(name="without the runner", where="x", alerts=5, benign_alerts=2, attacks=4, fired=3),
                ]
            },
        }
    )


def printed(result: Result) -> str:
    out = io.StringIO()
    print_account(result, Console(file=out, width=80))
    return out.getvalue()


def test_it_says_each_figure_once_and_fits(result: Result) -> None:
    text = printed(result)
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    lines = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line.strip()}
    assert lines["flag-spelling"] == "flag-spelling 9 4/8 50%, flags 3 4/8 50%, flags 3"
    assert lines["compose"] == "compose 1 - -"
    assert lines["ci-pipeline"] == "ci-pipeline 40 6 15.0"
    assert lines["HostMount"] == "HostMount 3/4 75%"
    assert lines["without"] == "without the runner 2 60% (+20%) 75% (-25%)"


def test_headings_of_many_rules_are_folded_at_their_separators(result: Result) -> None:
    recall = next(iter(result.recall.values()))
    rules = ("container-api-hardened", "a_second.rule-of-ours", "the-third-of-them", "container-cli-api")
    text = printed(result.model_copy(update={"recall": dict.fromkeys(rules, recall), "recall_split": {}}))
    head = text[: text.index("flag-spelling")]
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    for part in ("container-", "api-", "hardened", "a_second.", "ours", "the-third-", "of-them", "cli-api"):
        assert f" {part} " in head.replace("\n", " "), head


def test_there_is_none_for_a_result_without_variants_and_benign_runs() -> None:
    assert printed(prove(open_recording(COMMITTED), load_expectations(EXPECTATIONS))) == ""
