"""Findings in rules as SARIF 2.1.0, with file, line and column, so that a pull request shows them at their place.

Format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; comments say what GitHub requires beyond it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from harness import __version__
from harness.errors import InvalidFiles, LivefireError, Position
from harness.files.documents import write_json_document
from harness.model.mutants import Mutant, Mutants
from harness.report.mutants_text import short
from harness.study.mutation.operators import OPERATORS
from harness.text import visible

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_WIDTH = 200
_UNREACHABLE = "unreachable-pattern"
_LINK = re.compile(r"\[(?=[^\]]*\]\()")


@dataclass(frozen=True)
class Finding:
    """One finding. `kind` is its sort, and `about` describes that sort. `length` is in characters, within the line.

    Without a place it is not in a file, but a failure of the run.
    """

    kind: str
    about: str
    level: Literal["note", "warning", "error"]
    message: str
    at: Position | None
    length: int = 1


def of_mutants(report: Mutants) -> list[Finding]:
    """Live mutants as warnings; as notes, patterns that match nothing beyond what another pattern matches."""
    findings = [_of_mutant(mutant) for mutant in report.mutants]
    return [finding for finding in findings if finding is not None]


def of_mistakes(mistakes: Iterable[LivefireError]) -> list[Finding]:
    """Mistakes in files as errors; an InvalidFiles gives a finding for each of its problems."""
    findings: list[Finding] = []
    for mistake in mistakes:
        if isinstance(mistake, InvalidFiles):
            findings += of_mistakes(mistake.problems)
        else:
            kind = re.sub(r"(?<!^)(?=[A-Z])", "-", type(mistake).__name__).lower()
            about = (type(mistake).__doc__ or kind).partition("\n")[0]
            message = f"{mistake.message.rstrip('.')}. {mistake.hint}".strip()
            findings.append(Finding(kind, about, "error", message, mistake.at))
    return findings


def write_sarif(findings: Sequence[Finding], path: Path, category: str) -> None:
    """Write all findings of one run. A file without findings is written too: it closes those of the run before."""
    write_json_document(json.dumps(to_sarif(findings, category), indent=1), path)


def to_sarif(findings: Sequence[Finding], category: str) -> dict[str, Any]:
    """The findings as a SARIF log. `category` keeps several runs over one commit apart, such as those of two rules.

    Paths are relative to the working folder, which should be that of the repository; the `%SRCROOT%` they start from
    is left to the reader (section 3.14.14), who has the repository elsewhere.
    """
    placed = [finding for finding in findings if finding.at]
    rules = list({finding.kind: finding for finding in placed}.values())
    indices = {rule.kind: number for number, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    run = {
        "tool": {"driver": {"name": "Livefire", "version": __version__, "rules": [_rule(rule) for rule in rules]}},
        "automationDetails": {"id": f"livefire/{category}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, finding.at, indices, seen) for finding in findings if finding.at],
    }
    failures = [finding for finding in findings if not finding.at]
    if failures:
        notes = [{"level": finding.level, "message": _text(finding.message)} for finding in failures]
        run["invocations"] = [{"executionSuccessful": False, "toolExecutionNotifications": notes}]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _of_mutant(mutant: Mutant) -> Finding | None:
    before, after = short(mutant.before, _WIDTH), short(mutant.after, _WIDTH)
    length = len(mutant.before.partition("\n")[0].rstrip(" ,")) or 1
    if mutant.status == "live":
        what = (OPERATORS[mutant.operator].__doc__ or mutant.operator).partition("\n")[0]
        about = f"A mutant that no test notices. {what}"
        message = f"No test needs this: {before} -> {after or '(nothing)'}. To notice it takes {mutant.suggestion}."
        return Finding(mutant.operator, about, "warning", message, mutant.position, length)
    if mutant.status == "equivalent" and mutant.operator in ("drop-literal", "drop-operand"):
        about = "A part of a rule that changes no result, whatever the tables hold."
        message = f"Unreachable: {before.strip(' ,')}: {mutant.suggestion}."
        return Finding(_UNREACHABLE, about, "note", message, mutant.position, length)
    return None


def _rule(finding: Finding) -> dict[str, Any]:
    text = _text(finding.about)
    described = {"shortDescription": text, "fullDescription": text, "help": text}  # GitHub requires all three
    return {"id": finding.kind, **described, "defaultConfiguration": {"level": finding.level}}


def _result(finding: Finding, at: Position, indices: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    location = {"artifactLocation": _artifact(at.path), "region": _region(at, finding.length)}
    return {
        "ruleId": finding.kind,
        "ruleIndex": indices[finding.kind],
        "level": finding.level,
        "message": _text(finding.message),
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(finding, at, seen)},
    }


def _fingerprint(finding: Finding, at: Position, seen: Counter[str]) -> str:
    """A fingerprint in GitHub's form. It includes the message, so that two findings of a kind in a line differ."""
    text = f"{at.path}\n{finding.kind}\n{finding.message}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    seen[digest] += 1
    return f"{digest}:{seen[digest]}"


def _artifact(path: Path) -> dict[str, str]:
    absolute, here = path.resolve(), Path.cwd().resolve()
    if absolute.is_relative_to(here):
        return {"uri": quote(bytes(absolute.relative_to(here))), "uriBaseId": "%SRCROOT%"}
    return {"uri": absolute.as_uri()}


def _region(at: Position, length: int) -> dict[str, int]:
    """The region, with the four keys that GitHub requires; a mistake without a line is shown at the file's start."""
    line, column = at.line or 1, at.column or 1
    return {"startLine": line, "startColumn": column, "endLine": line, "endColumn": column + length}


def _text(text: str) -> dict[str, str]:
    """A message: one line, in which braces are no placeholders (section 3.11.5) and brackets no links (3.11.6)."""
    plain = visible(" ".join(text.split())).replace("{", "{{").replace("}", "}}")
    return {"text": _LINK.sub(r"\\[", plain)}
