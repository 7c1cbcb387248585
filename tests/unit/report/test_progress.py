"""A bar where there is a terminal, and nothing where there is none."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.report.progress import bar, counting


def test_a_bar_counts_and_says_the_time_left() -> None:
    out, now = io.StringIO(), 0.0
    console = Console(file=out, width=100, force_terminal=True, color_system=None, get_time=lambda: now)
    progress = bar(console)
    progress.get_time = lambda: now
    task = progress.add_task("judging", total=9)
    with progress:
        for done in range(1, 4):
            now = done * 60.0  # each takes a minute
            progress.update(task, completed=done)
            progress.refresh()
        progress.refresh()
    assert "judging" in out.getvalue()
    assert "3 of 9" in out.getvalue()
    assert "0:06:00 left" in out.getvalue()


def test_what_is_not_known_is_not_said() -> None:
    out = io.StringIO()
    with bar(Console(file=out, width=100, force_terminal=True, color_system=None)) as progress:
        progress.add_task("judging", total=None)
        progress.refresh()
    assert "judging" in out.getvalue()
    assert not {"of", "left"} & set(out.getvalue().split())


def test_without_a_terminal_nothing_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with counting("judging") as progress:
        progress(3, 9)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_it_is_on_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with counting("judging") as progress:
        progress(3, 9)
    out, err = capsys.readouterr()
    assert out == ""
    assert "3 of 9" in err
