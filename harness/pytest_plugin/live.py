"""A live run under pytest: one capture for the whole session, before any test, in the process that the user started."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from harness import interrupts, session
from harness.errors import InvalidFiles, LivefireError
from harness.evasion.variant_choice import with_marked
from harness.events import AtomicDetonated, Event, LabStarted, RecordingSealed
from harness.files.catalog import check_atomics_known, find_atomics
from harness.host.owned_folders import state_root, undo_unfinished
from harness.host.scratch import scratch
from harness.model.result import Result
from harness.pytest_plugin.selection import Selected
from harness.pytest_plugin.settings import Settings, lab_choice
from harness.pytest_plugin.shared import Outcome


def live_outcome(settings: Settings, chosen: list[Selected], say: Callable[[str], None]) -> Outcome:
    """Detonate what is selected and judge it. Raises KeyboardInterrupt after everything is undone."""
    with _orderly_end():
        try:
            with scratch(state_root()):
                return Outcome(results=[_detonate(settings, chosen, say)])
        except Exception as error:
            if not interrupts.came():  # else the interrupt caused this error
                if isinstance(error, LivefireError):
                    return Outcome(error=str(error))
                raise
        except KeyboardInterrupt:
            pass
        with interrupts.shielded("still undoing"):
            remains = "; ".join(undo_unfinished())
    outcome = f"left behind: {remains}; run `livefire clean`" if remains else "what was made has been undone"
    # A new one: Python can interrupt a frame before its first line (`tb_lineno` is None), which pytest can't show.
    raise KeyboardInterrupt(f"{interrupts.came()}; {outcome}")


def _detonate(settings: Settings, chosen: list[Selected], say: Callable[[str], None]) -> Result:
    expectations = [choice.expectation for choice in chosen]
    atomics = find_atomics([settings.atomics])
    if problems := check_atomics_known(expectations, atomics):
        raise InvalidFiles(problems)
    names = {expectation.atomic for expectation in expectations}
    base = [atomic for atomic in atomics if atomic.id in names]
    every = with_marked(base, [choice.expectation for choice in chosen if choice.with_variants])
    variants = f" and {len(every) - len(base)} variants" if len(every) > len(base) else ""
    say(f"detonating {len(base)} atomic{'s' if len(base) != 1 else ''}{variants}")
    return session.live_result(
        every,
        expectations,
        lab_choice(settings),
        folder=settings.folder,
        subscriber=_Progress(say, len(every)),
        limits=settings.limits,
    )


class _Progress:
    """Reports a capture in a few lines."""

    def __init__(self, say: Callable[[str], None], total: int) -> None:
        self._say = say
        self._total = total
        self._done = 0

    def __call__(self, event: Event) -> None:
        match event:
            case LabStarted(facts, seconds):
                components = (("Docker", facts.docker), ("cluster", facts.cluster))
                up = ", ".join(f"{name} {fact.kind} {fact.version}" for name, fact in components if fact)
                self._say(f"lab up after {seconds:.1f} s: {up}")
            case AtomicDetonated():
                self._done += 1
                if self._done % 50 == 0:
                    self._say(f"{self._done} of {self._total} detonated")
            case RecordingSealed(path):
                self._say(f"recorded in {path}")


@contextlib.contextmanager
def _orderly_end() -> Iterator[None]:
    """As in the command `livefire`: files are for their owner only, and a signal lets us undo before it ends us."""
    mask = os.umask(0o077)
    try:
        with interrupts.handled():
            yield
    finally:
        os.umask(mask)
