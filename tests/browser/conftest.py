"""A real browser, without a window: one for all tests, and pages that it opened with all that they asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync""".split()


@dataclass
class Opened:
    """A page as the browser shows it; `requests` are the addresses that it asked for, `said` its console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def measure(self, script: str) -> Any:
        """What a script finds in the page."""
        return self.page.evaluate(script)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser. In CI its absence fails; elsewhere it skips, by name."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, of the distribution or Google's. Ubuntu's package is a stub for a snap, and none."""
    with launched() as found:
        yield found


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser that is ended with the block."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("not installed: chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield found
        found.close()


Open = Callable[..., Opened]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a file in a context of its own."""
    contexts = []

    def open_(path: Path, *, dark: bool = False, width: int = 1280, script: bool = True) -> Opened:
        context = browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
            bypass_csp=True,  # what keeps a page whole must be its escaping, and not its policy alone
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.on("console", lambda message: opened.said.append(message.text))
        opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
        opened.page.goto(path.absolute().as_uri())
        return opened

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: LIVEFIRE_SCREENSHOTS, so that a person can look at them, else a folder of pytest's."""
    named = os.environ.get("LIVEFIRE_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
