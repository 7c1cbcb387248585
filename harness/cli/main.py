"""The command `livefire`: it heeds signals before it loads anything, and says in one line what went wrong."""

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
    """Open 0, 1 and 2 where they are closed: the next file would get such a number, and with it what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)  # Python has none for what was closed when it began
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _guarded() -> int:
    """The exit code: that of an interrupt wherever one came, whatever else it has led to."""
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
        except KeyboardInterrupt:  # between this line and the first that no signal ends
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
        return 0 if interrupts.came() else _told(error)
    return 0


def _code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _told(error: Exception) -> int:
    from harness.errors import LivefireError

    if isinstance(error, LivefireError):
        _print(f"error: {error}")
        return int(error.exit_code)
    if os.environ.get("LIVEFIRE_DEBUG"):
        raise error
    _print(
        f"error: a fault in Livefire itself: {type(error).__name__}: {visible(error)}\n"
        "  Set LIVEFIRE_DEBUG=1 to see where, and report it. Run `livefire clean` if a lab was up."
    )
    return 70  # EX_SOFTWARE, sysexits.h: none of the codes that mean a result


def _undo() -> int:
    """Undo what is unfinished, and say so."""
    with interrupts.shielded("still undoing"):
        remains, kept = "", ""
        if "harness.host.owned_folders" in sys.modules:  # else nothing was made
            from harness.host.owned_folders import kept_here, undo_unfinished

            remains = "; ".join(undo_unfinished())
            kept = "".join(f", and {lab} is kept" for lab in kept_here())
        told = f"left behind: {remains}\n  Run `livefire clean`." if remains else "what was made has been undone" + kept
        _print(f"interrupted ({interrupts.came()}); {told}")
        interrupts.leave()
    return interrupts.EXIT_CODE


def _print(text: str) -> None:
    from rich.text import Text

    from harness.report.terminal import Terminal

    Terminal(stderr=True, soft_wrap=True).print(Text(text))


if __name__ == "__main__":
    main()
