"""Where results go: files that were asked for, the terminal, and the exit code."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from harness.errors import InvalidInput
from harness.model.result import Result
from harness.report.console import print_result
from harness.report.html import write_html
from harness.report.junit import write_junit
from harness.report.latency import print_flakes, print_latency
from harness.report.markdown import write_markdown
from harness.report.matrix import print_matrix
from harness.report.navigator import write_navigator
from harness.report.result_json import write_json


@dataclass(frozen=True)
class Outputs:
    """What the command line asked for. `matrix` is a line for each variant on the terminal."""

    json: str | None = None
    junit: Path | None = None
    html: Path | None = None
    matrix: bool = False
    navigator: Path | None = None
    markdown: Path | None = None

    def require_writable(self) -> None:
        """Raise InvalidInput for a file that can't be written: before anything is detonated, and not after."""
        named = {
            "--json": self.json,
            "--junit": self.junit,
            "--html": self.html,
            "--navigator": self.navigator,
            "--markdown": self.markdown,
        }
        for option, target in named.items():
            if target in (None, "-"):
                continue
            folder = Path(str(target)).absolute().parent
            if not folder.is_dir() or not os.access(folder, os.W_OK):
                raise InvalidInput(f"{option} {target}: {folder} is no folder that can be written to")

    def report(self, results: list[Result]) -> NoReturn:
        """Write the files, print the tables unless standard output is taken, and exit with the worst code."""
        if self.json:
            write_json(results, self.json)
        if self.junit:
            write_junit(results, self.junit)
        if self.html:
            write_html(results, self.html)
        if self.navigator:
            write_navigator(results, self.navigator)
        if self.markdown:
            write_markdown(results, self.markdown)
        console = Console(stderr=self.json == "-", highlight=False)
        for result in results:
            if self.matrix:
                print_matrix(result, console)
                console.print()
            print_result(result, console)
        if len(results) > 1:
            console.print()
            print_latency(results, console)
            print_flakes(results, console)
        sys.exit(max((int(result.exit_code) for result in results), key=_severity))


def _severity(code: int) -> int:
    """Of several exit codes the worst: unmet before inconclusive, anything before success."""
    return {0: 0, 4: 1, 1: 2}.get(code, 3)
