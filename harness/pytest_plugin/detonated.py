"""The capture of a session, and its outcome."""

from __future__ import annotations

from functools import partial

import pytest

from harness.pytest_plugin.pytest_terminal import say
from harness.pytest_plugin.selection import Selected
from harness.pytest_plugin.settings import SETTINGS
from harness.pytest_plugin.shared import Outcome


def detonated(config: pytest.Config, chosen: list[Selected]) -> Outcome:
    """Detonate what is selected and judge it. Raises KeyboardInterrupt after everything is undone."""
    from harness.pytest_plugin.live import live_outcome  # this loads clients of daemons, which a replay may lack

    return live_outcome(config.stash[SETTINGS], chosen, partial(say, config))
