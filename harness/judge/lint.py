"""Checks of rules and expectations with the engine: KQL runs, flags exist, and none is forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from harness.errors import InvalidFiles, InvalidInput, LimitMet, LivefireError, Position, RuleNotRunnable
from harness.judge.blame import place, placed
from harness.judge.evidence import sensors_of
from harness.judge.labs import check_labs
from harness.kql.engine import QueryFailed
from harness.kql.engine_choice import new_workspace
from harness.kql.explanation import explained
from harness.kql.limits import Limits
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation, Signal
from harness.model.rule import Rule
from harness.model.source import did_you_mean
from harness.telemetry.schema import TABLES

_WORDS = {"oracle": "oracle", "signals": "signal"}
_SAMPLE: dict[str, object] = {"bool": False, "long": 0, "real": 0.0, "datetime": datetime(2000, 1, 1)}


def check(
    expectations: list[Expectation],
    workspace: Workspace | None = None,
    limits: Limits = Limits(),
) -> list[LivefireError]:
    """Every mistake that shows without a recording, with its place. `limits` are for a new engine."""
    workspace = workspace or new_workspace(datetime.now(UTC), limits)
    problems: list[LivefireError] = []
    flags: dict[str, set[str] | None] = {}
    for expectation in expectations:
        path = str(expectation.rule.path)
        if path not in flags:
            flags[path] = _rule_flags(expectation.rule, workspace, problems)
            if flags[path] is not None:
                problems += _file_problems(expectation, workspace)
        known = flags[path]
        if known is not None:
            problems += _flag_problems(expectation, known)
            problems += _companion_problems(expectation, workspace)
        problems += _signal_problems(expectation, workspace)
    problems += check_labs(expectations)[0]
    return problems or vacuous(expectations, workspace)  # a query that fails can't be checked further


def check_rules(rules: Iterable[Rule], workspace: Workspace) -> list[LivefireError]:
    """Every mistake in the queries and the metadata of rules without expectations."""
    problems: list[LivefireError] = []
    for rule in rules:
        _rule_flags(rule, workspace, problems)
    return problems


def require(
    expectations: list[Expectation],
    workspace: Workspace | None = None,
    limits: Limits = Limits(),
) -> None:
    """Raise InvalidFiles with all mistakes; a single one is raised as it is."""
    problems = check(expectations, workspace, limits)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise InvalidFiles(problems)


class Sound:
    """Expectations that passed the checks in this process. They are not checked again for other recordings."""

    def __init__(self, known: Iterable[Expectation] = ()) -> None:
        """`known` are expectations that have passed already."""
        self._known = {id(expectation): expectation for expectation in known}  # an object that is kept keeps its id

    def require(self, expectations: Iterable[Expectation], workspace: Workspace) -> None:
        """As `require`, for expectations that were not yet checked."""
        new = {id(expectation): expectation for expectation in expectations if id(expectation) not in self._known}
        require(list(new.values()), workspace)
        self._known |= new


def _rule_flags(rule: Rule, workspace: Workspace, problems: list[LivefireError]) -> set[str] | None:
    """The boolean columns of a rule's output; None where the rule does not run."""
    try:
        columns = workspace.columns(rule.query)
    except QueryFailed as error:
        explanation = explained(rule.query, error)
        hint = explanation.hint or "Whether the rule would fire on another engine is not known."
        at = rule.at(explanation.line or 1, explanation.column or 1)
        problems.append(
            RuleNotRunnable(f"the rule is not runnable on this engine: {explanation.message}", at=at, hint=hint)
        )
        return None
    except LimitMet as error:
        problems.append(_at(error, rule.at(1, 1)))
        return None
    for name in missing_columns(rule, columns):
        hint = did_you_mean(name, sorted(columns))
        problems.append(InvalidInput(f"the query does not give the column '{name}'", at=rule.at_mappings(), hint=hint))
    return {name for name, kind in columns.items() if kind == "bool"}


def missing_columns(rule: Rule, columns: dict[str, str]) -> list[str]:
    """The columns that a rule's entity mappings and custom details need, but its query does not give."""
    return sorted(rule.columns() - columns.keys())


def vacuous(expectations: Iterable[Expectation], workspace: Workspace) -> list[LivefireError]:
    """A mistake for each rule, oracle and signal that yields rows over empty tables, at the engine's time."""
    problems: list[LivefireError] = []
    answers: dict[str, bool] = {}

    def speaks(kql: str, expectation: Expectation) -> bool:
        if kql not in answers:
            answers[kql] = False
            try:
                answers[kql] = workspace.speaks_of_nothing(kql)
            except LimitMet as error:
                problems.append(placed(error, [expectation]))
            except QueryFailed as error:
                explanation = explained(kql, error)
                message = f"it fails over empty tables: {explanation.message}"
                at = place(kql, [expectation], explanation.line, explanation.column)
                problems.append(RuleNotRunnable(message, at=at, hint=explanation.hint))
        return answers[kql]

    for expectation in expectations:
        for key in ("oracle", "signals"):
            for number, signal in enumerate(getattr(expectation.entry, key)):
                if speaks(signal.kql, expectation):
                    message = f"the {_WORDS[key]} '{signal.name}' yields rows over empty tables"
                    hint = "It yields rows whatever happened, so it shows nothing."
                    problems.append(InvalidInput(message, at=expectation.at(key, number, "kql"), hint=hint))
        if (
            expectation.entry.fires
            and not expectation.entry.looks_for_silence
            and speaks(expectation.rule.query, expectation)
        ):
            message = f"the rule {expectation.rule.id} fires over empty tables, so an alert shows nothing"
            hint = "If the rule looks for silence, say so: looks_for_silence: REASON."
            problems.append(InvalidInput(message, at=expectation.at("fires"), hint=hint))
    return problems


def _flag_problems(expectation: Expectation, known: set[str]) -> list[LivefireError]:
    vectors = expectation.entry.vectors
    if not vectors:
        return []
    place: tuple[str | int, ...] = ("rows", 0) if isinstance(expectation.entry.rows, list) else ("flags",)
    problems: list[LivefireError] = []
    for name in vectors[0]:
        if name not in known:
            at = expectation.at(*place, name)
            hint = did_you_mean(name, sorted(known)) if known else "This rule has no boolean column."
            problems.append(InvalidInput(f"the rule has no flag '{name}'", at=at, hint=hint))
    forgotten = sorted(known - vectors[0].keys())
    if forgotten and not problems:
        at = expectation.at(*place)
        hint = "The flag vector is exact: say true or false for each flag of the rule."
        problems.append(InvalidInput(f"no value for the flag '{forgotten[0]}'", at=at, hint=hint))
    return problems


def _file_problems(expectation: Expectation, workspace: Workspace) -> list[LivefireError]:
    """Mistakes in the parts of a file that hold for all its expectations: companions and exclusions."""
    shared = expectation.companions[: len(expectation.companions) - len(expectation.entry.companions)]
    problems: list[LivefireError] = []
    for key, texts in (("companions", shared), ("tuning", expectation.tuning)):
        for number, why in _predicate_problems(expectation, [predicate.where for predicate in texts], workspace):
            problems.append(InvalidInput(why, at=expectation.source.at((key, number, "where"))))
    return problems


def _companion_problems(expectation: Expectation, workspace: Workspace) -> list[LivefireError]:
    problems = _predicate_problems(
        expectation, [companion.where for companion in expectation.entry.companions], workspace
    )
    return [InvalidInput(why, at=expectation.at("companions", number, "where")) for number, why in problems]


def _predicate_problems(expectation: Expectation, wheres: list[str], workspace: Workspace) -> list[tuple[int, str]]:
    """The numbers of the predicates that fail over the rule's output, and why."""
    if not wheres:
        return []
    columns = workspace.columns(expectation.rule.query)
    row = {name: _SAMPLE.get(kind, "") for name, kind in columns.items()}
    problems = []
    for number, where in enumerate(wheres):
        try:
            workspace.passing([row], where)
        except (QueryFailed, LimitMet) as error:
            problems.append((number, error.message))
    return problems


def _sensor_problems(
    expectation: Expectation, where: tuple[str, int], signal: Signal, workspace: Workspace
) -> list[LivefireError]:
    """A mistake where `sensor` is named, but the KQL reads none of its tables."""
    behind = sensors_of(workspace.tables(signal.kql))
    if signal.sensor in (None, *behind):
        return []
    message = f"'{signal.name}' reads what {' and '.join(behind)} saw, and not what {signal.sensor} did"
    hint = "Leave `sensor` out: it follows from the tables."
    return [InvalidInput(message, at=expectation.at(*where, "sensor"), hint=hint)]


def _signal_problems(expectation: Expectation, workspace: Workspace) -> list[LivefireError]:
    problems: list[LivefireError] = []
    for key, signals in (("oracle", expectation.entry.oracle), ("signals", expectation.entry.signals)):
        for number, signal in enumerate(signals):
            where = (key, number, "kql")
            try:
                if not workspace.tables(signal.kql):
                    hint = f"The tables are {', '.join(TABLES)}."
                    problems.append(InvalidInput("reads no table", at=expectation.at(*where), hint=hint))
                    continue
                workspace.columns(signal.kql)
                problems += _sensor_problems(expectation, (key, number), signal, workspace)
            except QueryFailed as error:
                explanation = explained(signal.kql, error)
                at = (
                    expectation.at_kql(where, explanation.line, explanation.column)
                    if explanation.line
                    else expectation.at(*where)
                )
                problems.append(InvalidInput(explanation.message, at=at, hint=explanation.hint))
            except LimitMet as error:
                problems.append(_at(error, expectation.at(*where)))
    return problems


def _at(error: LimitMet, at: Position) -> LimitMet:
    error.at = at
    return error
