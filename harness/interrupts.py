"""The signals that end the process: SIGINT, SIGTERM and SIGHUP, which a closed terminal sends too.

A signal raises KeyboardInterrupt with its name in the main thread. A shielded block is finished first: so an undo is
complete however often Ctrl-C is pressed.
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
EXIT_CODE = 130  # what a shell reports for SIGINT
_SAME = 0.5  # seconds in which further signals count as the same one
_AGAIN = 0.02  # seconds until a signal that a destructor swallowed is sent again


@dataclass
class _State:
    """`raised` is the first signal for which KeyboardInterrupt was raised, `waiting` one that came in a shielded block.

    `message` is printed at a signal that has to wait. `abandoned` says that a thread can't be ended, `code` is the exit
    code. `hook` is the unraisable hook before ours: Python's, or that of the program that runs us.
    """

    shields: int = 0
    message: str = ""
    waiting: str = ""
    raised: str = ""
    last: float = float("-inf")
    abandoned: bool = False
    code: int | None = None
    hook: Callable[[sys.UnraisableHookArgs], object] = sys.__unraisablehook__


_state = _State()


class shielded:
    """A block that no signal ends: KeyboardInterrupt is raised after it. `message` is printed at a signal.

    A class and not a generator, between whose lines a signal could come: here `__enter__` is shielded at once.
    """

    def __init__(self, message: str = "") -> None:
        self._message = message
        self._before = ""
        self._main = threading.current_thread() is threading.main_thread()  # no other thread is interrupted

    def __enter__(self) -> None:
        if self._main:
            _state.shields += 1
            self._before, _state.message = _state.message, self._message or _state.message

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if not self._main:
            return
        _state.message = self._before
        _state.shields -= 1
        if _state.shields == 0 and _state.waiting:
            name, _state.waiting = _state.waiting, ""
            if kind is None or not issubclass(kind, KeyboardInterrupt):
                _raise(name)


def install() -> None:
    """Handle the signals from now on, but not those that are ignored, as under nohup."""
    if sys.unraisablehook is not _swallowed:
        _state.hook, sys.unraisablehook = sys.unraisablehook, _swallowed
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def hold_back() -> None:
    """Handle the signals from now on, as `install` does, but raise nothing before `let_come` is called."""
    _state.shields += 1
    install()


def let_come() -> None:
    """Raise for a signal that came since `hold_back`, and for each from now on."""
    _state.shields -= 1
    if _state.waiting:
        name, _state.waiting = _state.waiting, ""
        _raise(name)


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Handle the signals in a block, in another program's process. Only the main thread may set handlers."""
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
    """The name of the signal that came, even if its KeyboardInterrupt was swallowed; empty where none came."""
    return _state.raised or _state.waiting


def check() -> None:
    """Raise KeyboardInterrupt again if a library or a destructor swallowed it."""
    if _state.raised and not _state.shields and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt(_state.raised)


def end_of_process() -> None:
    """Make the process end with the code given to `leave_with`. To be called before other exit handlers are registered.

    While Python finalizes, any SIGINT ends it. It also sends itself a SIGINT if a KeyboardInterrupt went through code
    that an extension module called (pymain_exit_err_print and exit_sigint in CPython's Modules/main.c). Blocking the
    signals is not enough: another thread, such as an engine's, may receive them. So Python is not finalized.
    """
    atexit.register(_end)  # the first to be registered runs last


def leave() -> None:
    """Let a signal end the process at once. To be called when everything is undone and reported."""
    for number in ENDING:
        if signal.getsignal(number) is _handle:
            signal.signal(number, lambda *_: os._exit(EXIT_CODE))
    _state.waiting = ""


def abandon() -> None:
    """Note that a thread can't be ended: the process must not wait for it at its end."""
    _state.abandoned = True


def abandoned() -> bool:
    """Whether a thread can't be ended."""
    return _state.abandoned


def leave_with(code: int) -> NoReturn:
    """End the process as `sys.exit` does; at once where a thread can't be ended.

    Finalizing Python while a thread works in an extension module crashes or hangs.
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
    """Whether all output is written; if not, Python reports it when it finalizes."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


def _handle(number: int, _: FrameType | None) -> None:
    name = signal.Signals(number).name
    if _state.shields:
        _state.waiting = _state.waiting or name
        if _state.message:
            with contextlib.suppress(OSError):  # the terminal may be closed
                os.write(2, f"\n{_state.message}\n".encode())
    elif time.monotonic() - _state.last >= _SAME:
        _raise(name)


def _raise(name: str) -> None:
    _state.raised, _state.last = _state.raised or name, time.monotonic()
    raise KeyboardInterrupt(name)


def _swallowed(unraisable: sys.UnraisableHookArgs) -> None:
    """Take an exception that nothing can catch: one in a destructor, or in a callback of the garbage collector.

    A KeyboardInterrupt of ours is sent again when the destructor is over. Other exceptions after a signal are not
    reported, such as one about a temporary file whose folder has been removed.
    """
    if not _state.raised:
        _state.hook(unraisable)
    elif isinstance(unraisable.exc_value, KeyboardInterrupt):
        _thread.start_new_thread(_send_again, (signal.Signals[_state.raised],))


def _send_again(number: signal.Signals) -> None:
    time.sleep(_AGAIN)
    _state.last = float("-inf")
    signal.pthread_kill(threading.main_thread().ident or 0, number)
