"""The signals that end us: SIGINT, SIGTERM and SIGHUP, which is also what a closed terminal sends.

Each raises KeyboardInterrupt in the main thread, with its name, but not in a block that is shielded: that is finished
first. So what is being undone is undone to its end, however often somebody presses Ctrl-C.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODE = 130  # as a shell says it of SIGINT
_SAME = 0.5  # seconds: those that follow one that was raised mean the same


@dataclass
class _State:
    """`raised` is the first signal for which KeyboardInterrupt was raised, `waiting` one that waits for a shield.

    `abandoned` says that there is a thread that can't be ended.
    """

    shields: int = 0
    told: str = ""
    waiting: str = ""
    raised: str = ""
    last: float = float("-inf")
    abandoned: bool = False


_state = _State()


class shielded:
    """A block that no signal ends: a KeyboardInterrupt comes when it is over. `told` says to the user what goes on.

    No generator: between its lines a signal could come, and here the block is shielded once `__enter__` has begun.
    """

    def __init__(self, told: str = "") -> None:
        self._told = told
        self._before = ""
        self._main = threading.current_thread() is threading.main_thread()  # no other is ever interrupted

    def __enter__(self) -> None:
        if self._main:
            _state.shields += 1
            self._before, _state.told = _state.told, self._told or _state.told

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if not self._main:
            return
        _state.told = self._before
        _state.shields -= 1
        if _state.shields == 0 and _state.waiting:
            name, _state.waiting = _state.waiting, ""
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                _raise(name)


def install() -> None:
    """Heed the signals from now on; not those that whoever started us has us ignore, as nohup does."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _heed)


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Heed them for a block, in a process that is not ours alone. Only the main thread may set handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    _state.raised = ""
    install()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def came() -> str:
    """The name of the signal that has ended us, whatever became of its KeyboardInterrupt; empty where none came."""
    return _state.raised or _state.waiting


def check() -> None:
    """Raise KeyboardInterrupt anew where something has swallowed it: a library, or a destructor."""
    if _state.raised and not _state.shields and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt(_state.raised)


def end_of_process() -> None:
    """Have the exit code be what `sys.exit` is told. To be called before anything else is to be done at the exit.

    While it takes itself down, Python ends by any SIGINT, and by one that it sends itself where a KeyboardInterrupt
    went through code that an extension module had it run (pymain_exit_err_print and exit_sigint in its Modules/main.c).
    """
    atexit.register(signal.pthread_sigmask, signal.SIG_BLOCK, ENDING)  # of all that is done at the exit the last


def leave() -> None:
    """Everything is undone and told: a signal that comes now ends the process at once."""
    for number in ENDING:
        if signal.getsignal(number) is _heed:
            signal.signal(number, lambda *_: os._exit(EXIT_CODE))


def abandon() -> None:
    """There is a thread that can't be ended: the end of this process must not wait for it."""
    _state.abandoned = True


def abandoned() -> bool:
    """Whether there is a thread that can't be ended."""
    return _state.abandoned


def leave_with(code: int) -> NoReturn:
    """End the process, as `sys.exit` does; at once where there is a thread that can't be ended.

    To take Python down beside a thread that works in an extension module ends in a crash, or never.
    """
    if _state.abandoned:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _heed(number: int, _: FrameType | None) -> None:
    name = signal.Signals(number).name
    if _state.shields:
        _state.waiting = _state.waiting or name
        if _state.told:
            with contextlib.suppress(OSError):  # the terminal may be what has gone
                os.write(2, f"\n{_state.told}\n".encode())
    elif time.monotonic() - _state.last >= _SAME:
        _raise(name)


def _raise(name: str) -> None:
    _state.raised, _state.last = _state.raised or name, time.monotonic()
    raise KeyboardInterrupt(name)
