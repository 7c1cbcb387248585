"""Where results go: files, the terminal, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from harness.cli.option_groups import Judging
from harness.errors import InvalidInput
from harness.files.read_once import Read
from harness.files.result_file import write_json
from harness.judge.unjudged import completed
from harness.model.result import Result, Unjudged
from harness.report.console import print_result
from harness.report.html import write_html
from harness.report.junit import write_junit
from harness.report.latency_text import print_flakes, print_latency
from harness.report.markdown import write_markdown
from harness.report.matrix import print_matrix
from harness.report.navigator import write_navigator
from harness.report.shown import shown
from harness.report.terminal import Terminal
from harness.report.unjudged_text import print_unjudged


@dataclass(frozen=True)
class Outputs:
    """The outputs that the command line names. `matrix` prints a line for each variant on the terminal."""

    json: str | None = None
    junit: Path | None = None
    html: Path | None = None
    matrix: bool = False
    navigator: Path | None = None
    markdown: Path | None = None

    @classmethod
    def of(cls, request: Judging, *, matrix: bool = False) -> Outputs:
        """The outputs that a request names."""
        return cls(request.json, request.junit, request.html, matrix, request.navigator, request.markdown)

    def require_writable(self) -> None:
        """Raise InvalidInput for a file that can't be written. To be called before anything is detonated."""
        named = {
            "--json": self.json,
            "--junit": self.junit,
            "--html": self.html,
            "--navigator": self.navigator,
            "--markdown": self.markdown,
        }
        require_writable(named)

    def report(
        self,
        results: list[Result],
        unjudged: Sequence[Unjudged] = (),
        *,
        require_all: bool = False,
        read: Read | None = None,
    ) -> NoReturn:
        """Write the files, print the tables unless standard output is taken, and exit with the worst code.

        `unjudged` is what no single recording shows. With `require_all`, everything that was not judged is unmet.
        `read` opens the files of rules for the page.
        """
        results = completed(results, unjudged, required=require_all)
        if self.json:
            write_json(results, self.json)
        safe = shown(results)
        if self.junit:
            write_junit(safe, self.junit)
        if self.html:
            write_html(results, self.html, read=read)
        if self.navigator:
            write_navigator(results, self.navigator)
        if self.markdown:
            write_markdown(safe, self.markdown)
        console = Terminal(stderr=self.json == "-")
        for result in safe:
            if self.matrix:
                print_matrix(result, console)
                console.print()
            print_result(result, console)
        if len(safe) > 1:
            console.print()
            print_latency(safe, console)
            print_flakes(safe, console)
        print_unjudged(safe, console)
        codes = [int(result.exit_code) for result in results]
        sys.exit(max(codes, key=_severity))


def require_writable(named: Mapping[str, str | Path | None]) -> None:
    """Raise InvalidInput for the first of these options whose file can't be written."""
    for option, target in named.items():
        if target in (None, "-"):
            continue
        path = Path(str(target)).absolute()
        if path.is_dir():
            raise InvalidInput(f"{option} {target}: this is a folder, not a file")
        if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
            raise InvalidInput(f"{option} {target}: {path.parent} is not a writable folder")


def _severity(code: int) -> int:
    """The sort key of exit codes: success, then inconclusive, then unmet, then errors."""
    return {0: 0, 4: 1, 1: 2}.get(code, 3)
