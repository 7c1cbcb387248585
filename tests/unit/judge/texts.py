"""Texts of rules for tests."""

from __future__ import annotations

import textwrap


def rule_text(query: str) -> str:
    """A rule in the Sentinel schema with this query, and nothing that a test would look at."""
    block = textwrap.indent(textwrap.dedent(query).strip(), "  ")
    return (
        "id: 00000000-0000-4000-8000-000000000000\nname: r\ndescription: d\nseverity: Low\ntactics: [Execution]\n"
        f"relevantTechniques: [T1059]\nversion: 1.0.0\nquery: |\n{block}\n"
    )
