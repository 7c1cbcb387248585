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
    """Detonate what is asked for and judge it. KeyboardInterrupt and SystemExit pass, with everything undone."""
    with _orderly_end():
        try:
            with scratch(state_root()):
                return Outcome(results=[_detonate(settings, chosen, say)])
        except Exception as error:
            if not interrupts.came():  # else it is what became of an interrupt
                if isinstance(error, LivefireError):
                    return Outcome(error=str(error))
                raise
        except KeyboardInterrupt:
            pass
        with interrupts.shielded("still undoing"):
            remains = "; ".join(undo_unfinished())
    told = f"left behind: {remains}; run `livefire clean`" if remains else "what was made has been undone"
    # anew: Python can interrupt a frame before its first line (`tb_lineno` is None), and pytest fails to show that
    raise KeyboardInterrupt(f"{interrupts.came()}; {told}")


def _detonate(settings: Settings, chosen: list[Selected], say: Callable[[str], None]) -> Result:
    expectations = [each.expectation for each in chosen]
    atomics = find_atomics([settings.atomics])
    if problems := check_atomics_known(expectations, atomics):
        raise InvalidFiles(problems)
    names = {expectation.atomic for expectation in expectations}
    base = [atomic for atomic in atomics if atomic.id in names]
    every = with_marked(base, [each.expectation for each in chosen if each.with_variants])
    variants = f" and {len(every) - len(base)} variants" if len(every) > len(base) else ""
    say(f"detonating {len(base)} atomic{'s' if len(base) != 1 else ''}{variants}")
    return session.live_result(
        every,
        expectations,
        lab_choice(settings),
        folder=settings.folder,
        subscriber=_Teller(say, len(every)),
        limits=settings.limits,
    )


class _Teller:
    """Tells of a capture in a few lines."""

    def __init__(self, say: Callable[[str], None], total: int) -> None:
        self._say = say
        self._total = total
        self._done = 0

    def __call__(self, event: Event) -> None:
        match event:
            case LabStarted(facts, seconds):
                parts = (("Docker", facts.docker), ("cluster", facts.cluster))
                up = ", ".join(f"{name} {part.kind} {part.version}" for name, part in parts if part)
                self._say(f"lab up after {seconds:.1f} s: {up}")
            case AtomicDetonated():
                self._done += 1
                if self._done % 50 == 0:
                    self._say(f"{self._done} of {self._total} detonated")
            case RecordingSealed(path):
                self._say(f"recorded in {path}")


@contextlib.contextmanager
def _orderly_end() -> Iterator[None]:
    """As the command `livefire` does: files for their owner only, and a signal that ends us lets us undo first."""
    mask = os.umask(0o077)
    try:
        with interrupts.heeded():
            yield
    finally:
        os.umask(mask)
