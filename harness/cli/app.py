"""The Typer application: the command line of `livefire`."""

from __future__ import annotations

import typer

from harness import __version__
from harness.cli.commands import Commands

app = typer.Typer(
    name="livefire",
    cls=Commands,
    help="Detonate container attacks for real, and prove that a detection rule fires with exactly the expected flags.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's boxes leave half of 80 columns for the text
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"livefire {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Detonate container attacks for real, and prove that a detection rule fires with exactly the expected flags."""
