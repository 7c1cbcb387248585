"""The table of the decision stands in the order of its page."""

from __future__ import annotations

import re
from itertools import groupby

from harness.judge.decision import TABLE
from harness.model.verdict import Verdict
from tests.conftest import PROJECT


def test_the_table_has_the_order_of_the_verdicts_and_of_their_page() -> None:
    table = [verdict for verdict, _ in groupby(row.verdict for row in TABLE)]
    page = (PROJECT / "docs/reference/verdicts.md").read_text()
    headings = [Verdict(name) for name in re.findall(r"^## `([A-Z_]+)`$", page, re.MULTILINE)]
    assert [*table, Verdict.SKIPPED] == headings == list(Verdict)
