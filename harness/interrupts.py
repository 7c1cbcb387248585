"""The signals that end us: SIGINT, SIGTERM and SIGHUP, which is also what a closed terminal sends.

Each raises KeyboardInterrupt in the main thread, with its name, but not in a block that is shielded: that is finished
first. So what is being undone is undone to its end, however often somebody presses Ctrl-C.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODE = 130  # as a shell says it of SIGINT
_SAME = 0.5  # seconds: those that follow one that was raised mean the same
_AGAIN = 0.02  # seconds until one that a destructor has swallowed comes again


@dataclass
class _State:
    """`raised` is the first signal for which KeyboardInterrupt was raised, `waiting` one that waits for a shield.

    `abandoned` says that there is a thread that can't be ended, `code` how the process is to end. `hook` is
    that of Python, or of whoever started us.
    """

    shields: int = 0
    told: str = ""
    waiting: str = ""
    raised: str = ""
    last: float = float("-inf")
    abandoned: bool = False
    code: int | None = None
    hook: Callable[[sys.UnraisableHookArgs], object] = sys.__unraisablehook__


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
    if sys.unraisablehook is not _swallowed:
        _state.hook, sys.unraisablehook = sys.unraisablehook, _swallowed
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _heed)


def hold_back() -> None:
    """Heed the signals from now on, as `install` does, but raise nothing before `let_come` is called."""
    _state.shields += 1
    install()


def let_come() -> None:
    """Raise what has come since `hold_back`, and from now on what comes."""
    _state.shields -= 1
    if _state.waiting:
        name, _state.waiting = _state.waiting, ""
        _raise(name)


@contextlib.contextmanager
def heeded() -> Iterator[None]:
    """Heed them for a block, in a process that is not ours alone. Only the main thread may set handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, hook = {number: signal.getsignal(number) for number in ENDING}, sys.unraisablehook
    _state.raised = ""
    install()
    try:
        yield
    finally:
        sys.unraisablehook = hook
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
    """Have the process end as `leave_with` is told. To be called before anything else is to be done at the exit.

    While it takes itself down, Python ends by any SIGINT, and by one that it sends itself where a KeyboardInterrupt
    went through code that an extension module had it run (pymain_exit_err_print and exit_sigint in its Modules/main.c).
    To block them is not enough: another thread, such as an engine's, may still take them. So it is not taken down.
    """
    atexit.register(_end)  # of all that is done at the exit the last


def leave() -> None:
    """Everything is undone and told: a signal that comes now ends the process at once."""
    for number in ENDING:
        if signal.getsignal(number) is _heed:
            signal.signal(number, lambda *_: os._exit(EXIT_CODE))
    _state.waiting = ""


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
    _state.code = code
    if _state.abandoned:
        _flush()
        os._exit(code)
    sys.exit(code)


def _end() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    if _state.code is not None and _flush():
        os._exit(_state.code)


def _flush() -> bool:
    """Whether all that was printed is written; if not, Python says so when it is taken down."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


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


def _swallowed(told: sys.UnraisableHookArgs) -> None:
    """What Python does with an exception in a destructor or a callback of the collector, where nobody can catch it.

    A KeyboardInterrupt of ours is not lost there: it comes again when the destructor is over. Whatever else one
    complains of after one has come is of no interest: of a temporary file, say, whose folder has been removed.
    """
    if not _state.raised:
        _state.hook(told)
    elif isinstance(told.exc_value, KeyboardInterrupt):
        _thread.start_new_thread(_send_again, (signal.Signals[_state.raised],))


def _send_again(number: signal.Signals) -> None:
    time.sleep(_AGAIN)
    _state.last = float("-inf")
    signal.pthread_kill(threading.main_thread().ident or 0, number)
