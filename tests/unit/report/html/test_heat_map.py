"""The evasion matrix: each cell says what became of its variant, in colour, sign and words."""

from __future__ import annotations

import pytest

from harness.model.verdict import Verdict
from harness.report.html import to_html
from harness.report.html.heat_map import (
    DETECTED,
    DIFFERENT,
    KINDS,
    MISSED,
    NOT_EXECUTED,
    UNKNOWN,
    WRONG_FLAGS,
    Kind,
    heat_map,
    kind_of,
)
from harness.report.html.subject import subjects
from tests.unit.report.html.parsed import Page
from tests.unit.report.html.samples import HARDENED, PRIVILEGED, RULE, RUN, SECRETS, by_atomic, everything, variant


@pytest.mark.parametrize(
    ("letter", "kind"),
    [
        ("D", DETECTED),
        ("F", WRONG_FLAGS),
        ("M", MISSED),
        ("E", DIFFERENT),
        ("N", NOT_EXECUTED),
        ("?", UNKNOWN),
    ],
)
def test_each_outcome_has_its_kind(letter: str, kind: Kind) -> None:
    assert kind_of(variant(by_atomic(RUN), "family", "name", letter)) is kind


def test_nothing_is_claimed_without_a_comparison_or_a_healthy_sensor() -> None:
    missed = variant(by_atomic(RUN), "family", "name", "M")
    assert kind_of(missed.model_copy(update={"verdict": Verdict.INCONCLUSIVE})) is UNKNOWN
    assert missed.variant is not None
    unknown = missed.variant.model_copy(update={"equivalence": "unknown"})
    assert kind_of(missed.model_copy(update={"variant": unknown})) is UNKNOWN
    assert kind_of(missed.model_copy(update={"verdict": Verdict.NOT_EXECUTED})) is NOT_EXECUTED  # its time limit


def test_rows_are_variants_by_family_and_columns_atomics_by_rule() -> None:
    found = heat_map([s for s in subjects(everything(), "r1") if s.first.variant])
    assert found.rules == {RULE: [PRIVILEGED, RUN, SECRETS], HARDENED: [PRIVILEGED, RUN, SECRETS]}
    assert list(found.cells["flag-spelling"]) == ["net-with-a-space", "network-equals-host", "privileged-equals-true"]
    signs = {rule: [found.cells["wrappers"]["env"].get((rule, a)) for a in (PRIVILEGED, RUN)] for rule in found.rules}
    assert signs[HARDENED] == [None, None]
    assert signs[RULE][0] is None
    (mark,) = signs[RULE][1] or []
    assert (mark.kind, mark.as_expected) == (MISSED, False)
    assert mark.words.endswith("not as expected")


def test_two_rules_of_one_name_lose_no_cell() -> None:
    result = everything()
    same = [each.model_copy(update={"rule": RULE}) for each in result.results]
    found = heat_map([s for s in subjects(result.model_copy(update={"results": same}), "r1") if s.first.variant])
    assert [mark.kind for mark in found.cells["management-verbs"]["container-run"][(RULE, RUN)]] == [MISSED, DETECTED]


def test_the_table_says_what_the_map_holds() -> None:
    page = Page(to_html([everything()]))
    table = page.table("Evasion matrix: variants by family as rows, atomics by rule as columns")
    rows = {row[0]: row[1:] for row in table}
    assert rows["Variant"] == ["docker-privileged-container-creation", "docker-container-execution",
                               "kubectl-secrets-enumeration"] * 2  # fmt: skip
    assert [cell.split()[0].rstrip("°") for cell in rows["renamed-binary"]] == ["M", "M", "M", "✓", "✓", "✓"]
    assert rows["raw"][:2] == ["", ""]
    assert rows["raw"][2] == "M missed"
    assert rows["network-equals-host"][0] == "F° detected, wrong flags, held out"
    assert rows["curl-with-a-token"][2].startswith("≠ does something else")
    assert rows["management-verbs"] == ["0 % 0/2", "100 % 2/2"]


def test_colour_never_stands_alone() -> None:
    assert len({kind.sign for kind in KINDS}) == len({kind.key for kind in KINDS}) == len(KINDS)
    page = Page(to_html([everything()]))
    cells = [a for a in page.elements("a") if "cell" in a.get("class", "").split()]
    count = sum(each.variant is not None for each in everything().results)
    assert len(cells) == count
    assert all(any(kind.words in cell["title"] for kind in KINDS) for cell in cells)


def test_recall_by_family_and_for_what_was_held_out() -> None:
    text = Page(to_html([everything()])).text
    assert "flag-spelling 3/3 (3) 100 % 2/3" in text
    assert "without-cli 1/3 (4) 33 % 0/1" in text
    assert "tuned 9/17 (18) 53 % 8/9" in text
    assert "held out 5/7 (7) 71 % 4/5" in text
    assert "wrappers 10 variants, seen by auditd 7, docker_daemon 5, kube_audit 2" in text
