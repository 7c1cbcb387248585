"""Looking at what a recording holds: its tables in a workspace, and the slice that a user names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import InvalidInput, LimitMet, Position
from harness.judge.loading import load
from harness.kql.engine import QueryFailed, Row
from harness.kql.engine_choice import new_workspace
from harness.kql.explanation import explained
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace
from harness.model.atomic import short_id
from harness.model.source import did_you_mean
from harness.recording import Recording
from harness.telemetry.schema import BACKGROUND, may_be_of

ALL = "all"


def workspace_of(recording: Recording, limits: Limits, *, from_raw: bool = False) -> Workspace:
    """The recording's tables. The time of its queries is that of the recording. Raises RecordingDamaged, LimitMet."""
    workspace = new_workspace(recording.manifest.finished, limits)
    load(workspace, recording, from_raw=from_raw)
    return workspace


def slice_of(names: Sequence[str], recording: Recording, workspace: Workspace) -> str:
    """The slice with the rows of all that is named: atomics by id, end of an id or GUID, `background`, or `all`.

    Rows that may be an atomic's and may be another's are in none of theirs, and in `all`. Raises InvalidInput for a
    name that the recording does not have.
    """
    slices = workspace.slices()
    if not names or ALL in names:
        return workspace.together(sorted(slices))
    atomics = {detonation.atomic: detonation for detonation in recording.manifest.detonations}
    plain = {name for name in slices if not may_be_of(name)} | {BACKGROUND, *atomics}
    chosen: list[str] = []
    for name in names:
        word = name.lower()
        meant = {known for known in plain if known.lower() == word} or {
            known for known, attack in atomics.items() if word in (short_id(known).lower(), attack.guid.lower())
        }
        if len(meant) > 1:
            raise InvalidInput(f"'{name}' may be {' or '.join(sorted(meant))}", at=Position(recording.path))
        if not meant:
            hint = did_you_mean(name, sorted(plain | {ALL}))
            raise InvalidInput(f"the recording has no '{name}'", at=Position(recording.path), hint=hint)
        chosen += meant
    return workspace.together(list(dict.fromkeys(chosen)))


def answer(
    kql: str, slice_: str, workspace: Workspace, at: Callable[[int, int], Position] | None = None
) -> tuple[dict[str, str], list[Row]]:
    """The columns of a query's output, with their KQL types, and its rows.

    `at` gives the place in a file of a line and column of the query, if it stands in one. Raises InvalidInput at the
    place of the mistake, and LimitMet.
    """
    try:
        return workspace.columns(kql), workspace.query(kql, slice_)
    except QueryFailed as error:
        why = explained(kql, error)
        if at:
            raise InvalidInput(why.message, at=at(why.line or 1, why.column or 1), hint=why.hint) from None
        place = f" (line {why.line}, column {why.column} of the query)" if why.line else ""
        raise InvalidInput(f"{why.message}{place}", hint=why.hint) from None
    except LimitMet as error:
        error.at = at(1, 1) if at else None
        raise
