"""The options of `livefire list` and `livefire lint`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.option_groups import QueryLimits
from harness.cli.options import (
    ATOMICS,
    EXPECTATIONS,
    AsJson,
    AtomicsOption,
    ExpectationsOption,
    SarifOption,
    Select,
)


@dataclass(frozen=True, kw_only=True)
class ListAtomics:
    """List the atomics, and the rules that they test."""

    selectors: Select = None
    atomics: AtomicsOption = ATOMICS
    expectations: ExpectationsOption = EXPECTATIONS
    json: AsJson = False


@dataclass(frozen=True, kw_only=True)
class Lint(QueryLimits):
    """Check atomics, rules and expectations: schema, KQL, flags. Prints each mistake with file:line:column."""

    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files or folders. Default: atomics and expectations.", metavar="PATH"),
    ] = None
    sarif: SarifOption = None
