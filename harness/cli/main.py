"""The command `livefire`."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

import typer
from rich.console import Console

from harness import __version__
from harness.capture.state import undo_unfinished
from harness.cli.commands import Commands
from harness.errors import Interrupted, LivefireError

app = typer.Typer(
    name="livefire",
    cls=Commands,
    help="Detonate container attacks for real, and prove that a detection rule fires with exactly the expected flags.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # in boxes and columns, half of 80 columns is left for the words
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        Console().print(f"livefire {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Detonate container attacks for real, and prove that a detection rule fires with exactly the expected flags."""


def _terminate(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)  # so that everything is undone on the way out


def main() -> None:
    """Run the command line. Errors meant for the user are printed without a traceback."""
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        app(standalone_mode=True)
    except (Interrupted, KeyboardInterrupt) as interrupt:
        remains = "; ".join(undo_unfinished())
        told = f"left behind: {remains}\n  Run `livefire clean`." if remains else "what was made has been undone"
        errors.print(f"interrupted ({interrupt or 'SIGINT'}); {told}", markup=False)
        sys.exit(Interrupted.exit_code)
    except LivefireError as error:
        errors.print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("LIVEFIRE_DEBUG"):
            raise
        errors.print(
            f"error: a fault in Livefire itself: {type(error).__name__}: {error}\n"
            "  Set LIVEFIRE_DEBUG=1 to see where, and report it. Run `livefire clean` if a lab was up.",
            markup=False,
        )
        sys.exit(70)  # EX_SOFTWARE, sysexits.h: none of the codes that mean a result


if __name__ == "__main__":
    main()
