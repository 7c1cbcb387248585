"""JUnit XML, in the form that pytest calls xunit1: a test case for each atomic and rule, with properties.

There is no single standard. This is what GitLab (doc/ci/testing/unit_test_reports.md), Jenkins' junit step and the
GitHub actions for annotations read: `file` and `line` of a test case, relative to the repository; a message of one
short line; the evidence as the element's text; a time for each test case, suite and file.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from harness.files.documents import write_document
from harness.model.atomic_result import Alert, AtomicResult
from harness.model.result import Ambiguous, Result, Unjudged
from harness.model.rule_figures import RuleProof
from harness.model.verdict import Verdict
from harness.report.describe import alert_lines, ambiguous_lines, details, tables_read, unproven
from harness.report.unjudged_text import all_unjudged
from harness.text import visible, visible_text

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?::\d+)?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")  # for a part of a class; in addresses, Jenkins takes several of them for one
_MESSAGE = 200
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def write_junit(results: Sequence[Result], path: Path) -> None:
    """Write JUnit XML.

    Each recording is a test suite, with a test case for each atomic and rule, and one for the background of each rule.

    Class and name identify a test case in its recording and from night to night: GitLab and Jenkins track it by them.
    Jenkins groups by the dots of a class, so there are no dots within a part of it. The variants of an atomic are a
    class of their own.
    """
    root = ET.Element("testsuites", name="livefire")
    for result, recording in zip(results, _recordings(results), strict=True):
        root.append(_suite(result, recording))
    # a skip has a test case already, which is no failure; here it is one, with --require-all
    required = any(result.all_required for result in results)
    if unjudged := [item for item in all_unjudged(results) if required or item.kind != "skip"]:
        root.append(_unjudged(unjudged, required=required))
    _tell_apart(root)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    ET.indent(root)
    write_document(ET.tostring(root, encoding="utf-8", xml_declaration=True).decode(), path)


def _tell_apart(root: ET.Element) -> None:
    """Number test cases of the same name, as of two rules of one file name: GitLab ignores all but the first."""
    seen: Counter[tuple[str, str]] = Counter()
    for testcase in root.iter("testcase"):
        classname, name = testcase.get("classname", ""), testcase.get("name", "")
        seen[classname, name] += 1
        if seen[classname, name] > 1:
            testcase.set("name", f"{name}-{seen[classname, name]}")


def _recordings(results: Sequence[Result]) -> list[list[str]]:
    """The first part of the classes of each result: none for a single result, else the name of its recording."""
    if len(results) == 1:
        return [[]]
    seen: Counter[str] = Counter()
    prefixes = []
    for result in results:
        name = Path(result.recording).name or result.run_id
        seen[name] += 1
        prefixes.append([name if seen[name] == 1 else f"{name}-{seen[name]}"])
    return prefixes


def _suite(result: Result, recording: list[str]) -> ET.Element:
    testcases = [_testcase(row, recording) for row in result.results]
    places = {row.rule: row.at for row in reversed(result.results)}
    for rule, alerts in result.background.alerts.items():
        testcases.append(_background(rule, alerts, recording, places.get(rule, "")))
    if result.ambiguous.count:
        testcases.append(_ambiguous(result.ambiguous, recording))
    testcases += [_proof(proof, recording, places.get(proof.rule, "")) for proof in result.proofs]
    seconds = (result.finished - result.started).total_seconds()
    suite = ET.Element("testsuite", name=f"livefire {result.run_id}", tests=str(len(testcases)), time=f"{seconds:.3f}")
    suite.set("timestamp", result.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    for kind in ("failure", "error", "skipped"):
        suite.set(
            f"{kind}s" if kind != "skipped" else kind,
            str(sum(testcase.find(kind) is not None for testcase in testcases)),
        )
    properties = ET.SubElement(suite, "properties")
    for name, version in result.versions.items():
        ET.SubElement(properties, "property", name=f"version.{name}", value=visible_text(version))
    if tables := tables_read(result):
        ET.SubElement(properties, "property", name="tables", value=visible_text(tables))
    suite.extend(testcases)
    return suite


def _unjudged(unjudged: Sequence[Unjudged], *, required: bool) -> ET.Element:
    """A suite with a test case for each item that was not judged: a failure with `required`, else skipped."""
    suite = ET.Element("testsuite", name="livefire not judged", tests=str(len(unjudged)), time="0.000")
    suite.set("failures" if required else "skipped", str(len(unjudged)))
    for item in unjudged:
        technique, _, name = item.name.rpartition("/")
        testcase = _element(["not-judged", item.kind, *([item.rule] if item.rule else []), technique], name, 0)
        _set_place(testcase, item.at)
        lines = [f"{item.name}: {item.reason}", *([f"expected at {item.at}"] if item.at else [])]
        _add_outcome(testcase, "failure" if required else "skipped", Verdict.SKIPPED, item.reason, lines)
        suite.append(testcase)
    return suite


def _testcase(result: AtomicResult, recording: list[str]) -> ET.Element:
    atomic = result.atomic.removeprefix(f"{result.technique}/")
    parts, name = [*recording, result.rule, result.technique], atomic
    if result.variant:
        parts.append(result.variant.of.removeprefix(f"{result.technique}/"))
        name = f"{result.variant.family}.{result.variant.name}"
    seconds = result.latency.alert or result.latency.telemetry or 0.0
    testcase = _element(parts, name, seconds)
    _set_place(testcase, result.at)
    properties = ET.SubElement(testcase, "properties")
    for key, value in properties_of(result).items():
        ET.SubElement(properties, "property", name=key, value=visible_text(value))
    kind = _kind(result.verdict)
    if kind:
        _add_outcome(testcase, kind, result.verdict, result.reason, details(result))
    return testcase


def _add_outcome(testcase: ET.Element, kind: str, verdict: Verdict, reason: str, lines: Sequence[str]) -> None:
    """The message is cut, and the text repeats it in full: GitLab shows only the text, others the message first."""
    message = f"{verdict}: {visible(reason)}"
    short = message if len(message) <= _MESSAGE else message[: _MESSAGE - 1] + "…"
    outcome = ET.SubElement(testcase, kind, message=visible_text(short), type=str(verdict))
    outcome.text = visible_text("\n".join(lines))


def _set_place(testcase: ET.Element, at: str) -> None:
    """Set file and line; the path is relative in the working folder, which should be the repository's."""
    if place := _PLACE.fullmatch(at):
        path, here = Path(place["file"]), Path.cwd()
        inside = path.is_absolute() and path.is_relative_to(here)
        testcase.set("file", visible_text(path.relative_to(here) if inside else path))
        testcase.set("line", place["line"])


def _element(parts: list[str], name: str, seconds: float) -> ET.Element:
    classname = ".".join(_UNSAFE.sub("_", segment) for segment in ["livefire", *parts])
    return ET.Element("testcase", classname=classname, name=_UNSAFE_NAME.sub("_", name), time=f"{seconds:.3f}")


def _kind(verdict: Verdict) -> str:
    if verdict.as_expected:
        return ""
    return {Verdict.SKIPPED: "skipped", Verdict.INCONCLUSIVE: "error"}.get(verdict, "failure")


def _background(rule: str, alerts: Sequence[Alert], recording: list[str], at: str) -> ET.Element:
    testcase = _element([*recording, rule], "background", 0)
    _set_place(testcase, at)
    if alerts:
        reason = f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'} in the background, where no atomic ran"
        verdict = Verdict.UNEXPECTED_ALERT
        lines = [f"{verdict}  {reason}", *(line for alert in alerts for line in alert_lines(alert))]
        _add_outcome(testcase, "failure", verdict, reason, lines)
    return testcase


def _ambiguous(ambiguous: Ambiguous, recording: list[str]) -> ET.Element:
    """A skipped test case for the ambiguous rows: the verdicts that depend on them are INCONCLUSIVE themselves."""
    testcase = _element([*recording, "ambiguous"], "rows", 0)
    first, *more = ambiguous_lines(ambiguous)
    outcome = ET.SubElement(
        testcase, "skipped", type="AMBIGUOUS", message=visible_text(first.removeprefix("AMBIGUOUS  "))
    )
    outcome.text = visible_text("\n".join([first, *more]))
    return testcase


def _proof(proof: RuleProof, recording: list[str], at: str) -> ET.Element:
    """The test case that says whether a rule is proven."""
    testcase = _element([*recording, proof.rule], "proven", 0)
    _set_place(testcase, at)
    if not proof.proven:
        outcome = ET.SubElement(testcase, "error" if proof.undecided else "failure", type="UNPROVEN RULE")
        outcome.set("message", visible_text(f"UNPROVEN RULE: {proof.reason}"))
        outcome.text = visible_text(unproven(proof))
    return testcase


def properties_of(result: AtomicResult) -> dict[str, str]:
    """The properties of a result: verdict, expectation, process, session, containers, latency."""
    properties = {
        "verdict": str(result.verdict),
        "guid": result.guid,
        "expectation": result.at,
        "pid": result.executed.pid,
        "session": result.executed.session,
        "telemetry_seconds": result.latency.telemetry,
        "alert_seconds": result.latency.alert,
    }
    evidence = [e for signal in [*result.executed.oracle, *result.signals] for e in signal.evidence]
    containers = sorted({str(e.facts["ContainerId"])[:12] for e in evidence if e.facts.get("ContainerId")})
    return {
        key: str(value)
        for key, value in (properties | {"containers": ",".join(containers)}).items()
        if value not in (None, "")
    }
