"""The capture of a session, and what came of it."""

from __future__ import annotations

from functools import partial

import pytest

from harness.pytest_plugin.pytest_terminal import say
from harness.pytest_plugin.selection import Selected
from harness.pytest_plugin.settings import SETTINGS
from harness.pytest_plugin.shared import Outcome


def detonated(config: pytest.Config, chosen: list[Selected]) -> Outcome:
    """Detonate what is asked for and judge it. Raises KeyboardInterrupt, with everything undone."""
    from harness.pytest_plugin.live import live_outcome  # it loads the clients of daemons, which a replay is without

    return live_outcome(config.stash[SETTINGS], chosen, partial(say, config))
