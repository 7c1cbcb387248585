"""The style: two themes, and text that can be read in both (WCAG 2.1, 1.4.3: a contrast of 4.5 to 1)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.model.verdict import Verdict
from harness.report.html import page
from harness.report.html.heat_map import KINDS
from harness.report.html.subject import tone

CSS = (Path(page.__file__).parent / "templates/style.css").read_text(encoding="utf-8")
LIGHT, DARK = re.split(r"@media screen and \(prefers-color-scheme: dark\)", CSS)


def colours(css: str) -> dict[str, str]:
    """The variables of the first rule for :root."""
    root = re.search(r":root \{(.*?)\}", css, re.DOTALL)
    assert root
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", root[1]))


def contrast(one: str, other: str) -> float:
    """The contrast ratio (WCAG 2.1, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("css", [LIGHT, DARK], ids=["light", "dark"])
def test_all_text_can_be_read(css: str) -> None:
    theme = colours(css)
    pairs = [
        (ink, paper) for ink in ("ink", "quiet", "link", "ok", "gap", "bad", "off") for paper in ("paper", "shade")
    ]
    pairs += [(f"{kind.key}-ink", f"{kind.key}-paper") for kind in KINDS]
    low = {pair: contrast(theme[pair[0]], theme[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def test_both_themes_set_the_same_colours() -> None:
    assert colours(LIGHT).keys() == colours(DARK).keys()
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS))
    assert used <= colours(LIGHT).keys()


def test_each_kind_and_each_tone_has_a_colour() -> None:
    for kind in KINDS:
        assert f".cell.{kind.key} {{" in CSS
    for verdict in Verdict:
        assert f".{tone(verdict)} {{" in CSS
