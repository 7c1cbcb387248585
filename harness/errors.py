"""The errors that a user can meet. An error says what is wrong, where, and what to do.

An error may quote any text: `str(error)` is safe to print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.text import printable, visible


@dataclass(frozen=True)
class Position:
    """A place in a text file. `line` and `column` count from 1; 0 means that it is not known."""

    path: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """The form that editors and terminals make clickable: `path:line:column`."""
        parts = [str(self.path)]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


class LivefireError(Exception):
    """The root of all errors that are meant for the user; the command line exits with `exit_code`.

    Message and hint are one line each; `more` are further lines, such as the last ones of a log.
    """

    exit_code = 2

    def __init__(self, message: str, *, at: Position | None = None, hint: str = "", more: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.hint = hint
        self.more = [*more]

    def __str__(self) -> str:
        first = f"{self.at}: {self.message}" if self.at else self.message
        below = [*self.more, self.hint] if self.hint else self.more
        return printable("\n".join([visible(first), *(f"  {visible(line)}" for line in below)]))


class InvalidInput(LivefireError):
    """A file or an argument is not what it must be."""


class InvalidFiles(InvalidInput):
    """Several mistakes, reported together so that they can be fixed together."""

    def __init__(self, problems: list[LivefireError]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class RecordingDamaged(InvalidInput):
    """A recording is incomplete, or a file in it does not match its hash."""


class RecordingsFailed(LivefireError):
    """Some of several recordings can't be judged: each error once, and the exit code of the worst."""

    def __init__(self, problems: list[LivefireError], recordings: int) -> None:
        count = f"{len(problems)} of {recordings} recordings"
        super().__init__(f"{count} can't be judged", hint="Nothing was written. Fix them, or leave them out.")
        self.problems = list({str(problem): problem for problem in problems}.values())
        nothing = NothingSelected.exit_code  # any other code says more
        self.exit_code = next((p.exit_code for p in problems if p.exit_code != nothing), nothing)

    def __str__(self) -> str:
        return "\n".join([*(str(problem) for problem in self.problems), f"{self.message}. {self.hint}"])


class RuleNotRunnable(InvalidInput):
    """The engine cannot run this KQL. This says nothing about whether the rule would fire."""


class LimitMet(RuleNotRunnable):
    """A query, `kql`, took more time or memory than it may. `lost` says that it could not be ended."""

    def __init__(
        self, message: str, *, at: Position | None = None, hint: str = "", kql: str = "", lost: bool = False
    ) -> None:
        super().__init__(message, at=at, hint=hint)
        self.kql, self.lost = kql, lost


class LabUnavailable(LivefireError):
    """There is no lab: a tool is missing, or a daemon does not come up."""

    exit_code = 3


class Busy(LabUnavailable):
    """Another Livefire holds a lock that only one may hold."""


class Refused(LivefireError):
    """Livefire does not touch a cluster or a daemon that it does not own, unless it is named in full."""

    exit_code = 3


class SensorLost(LivefireError):
    """A sensor stopped delivering. What was not seen can't be judged."""

    exit_code = 4


class NothingSelected(LivefireError):
    """The selection matches no atomic, or no expectation."""

    exit_code = 5


class Interrupted(LivefireError):
    """Ctrl-C or a signal, which the message names, ended the process."""

    exit_code = 130  # what a shell reports for SIGINT


def first_line(error: Exception) -> str:
    """The first line of an error's message; the name of its class where the message is empty."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
