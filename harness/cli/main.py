"""The command `livefire`: handles signals before it loads anything, and reports an error in one line."""

from __future__ import annotations

import os
import sys

from harness import interrupts
from harness.text import visible


def main() -> None:
    """Run the command line. Errors meant for the user are printed without a traceback."""
    interrupts.hold_back()
    _stand_in_for_closed()
    interrupts.end_of_process()
    os.umask(0o077)
    interrupts.leave_with(_guarded())


def _stand_in_for_closed() -> None:
    """Open descriptors 0, 1 and 2 where they are closed: the next file would get their numbers, and our output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(
        0, closefd=False
    )  # Python sets None for a descriptor that was closed at the start
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _guarded() -> int:
    """Run, and return the exit code: that of an interrupt if one came, whatever else happened because of it."""
    try:
        interrupts.let_come()
        code = _run()
        if not interrupts.came():
            interrupts.leave()
            return code
    except KeyboardInterrupt:
        pass
    while True:
        try:
            return _undo()
        except KeyboardInterrupt:  # a signal came before `_undo` was shielded
            continue


def _run() -> int:
    from harness.cli.streams import guard_terminal

    guard_terminal()
    try:
        from harness.cli.app import app

        app(standalone_mode=True)
    except SystemExit as end:
        return _code(end)
    except Exception as error:
        return 0 if interrupts.came() else _report(error)
    return 0


def _code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _report(error: Exception) -> int:
    from harness.errors import LivefireError

    if isinstance(error, LivefireError):
        _print(f"error: {error}")
        return int(error.exit_code)
    if os.environ.get("LIVEFIRE_DEBUG"):
        raise error
    _print(
        f"error: a bug in Livefire: {type(error).__name__}: {visible(error)}\n"
        "  Set LIVEFIRE_DEBUG=1 for the traceback, and report it. Run `livefire clean` if a lab was up."
    )
    return 70  # EX_SOFTWARE of sysexits.h: no code that stands for a result


def _undo() -> int:
    """Undo what is unfinished, and report it."""
    with interrupts.shielded("still undoing"):
        remains, kept = "", ""
        if "harness.host.owned_folders" in sys.modules:  # else nothing was made
            from harness.host.owned_folders import kept_here, undo_unfinished

            remains = "; ".join(undo_unfinished())
            kept = "".join(f", and {lab} is kept" for lab in kept_here())
        outcome = "what was made has been undone" + kept
        if remains:
            outcome = f"left behind: {remains}\n  Run `livefire clean`."
        _print(f"interrupted ({interrupts.came()}); {outcome}")
        interrupts.leave()
    return interrupts.EXIT_CODE


def _print(text: str) -> None:
    from rich.text import Text

    from harness.report.terminal import Terminal

    Terminal(stderr=True, soft_wrap=True).print(Text(text))


if __name__ == "__main__":
    main()
