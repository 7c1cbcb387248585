"""JUnit XML, in the form that pytest calls xunit1: a test case for each atomic and rule, with properties."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.model.result import AtomicResult, Result
from harness.model.verdict import Verdict
from harness.report.describe import details
from harness.report.document import write_document
from harness.report.text import legal_xml

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?::\d+)?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")  # for a part of a class; in addresses, Jenkins takes several of them for one
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def write_junit(results: Sequence[Result], path: Path) -> None:
    """One test suite for each recording, and in it one test case more for the background of each rule.

    Class and name say together which case it is, in every recording anew and from night to night alike: GitLab and
    Jenkins follow a case by them, and Jenkins folds at the dots of a class, so there is none in a part of it. The
    variants of an atomic are a class of their own.
    """
    root = ET.Element("testsuites", name="livefire")
    for result, recording in zip(results, _recordings(results), strict=True):
        root.append(_suite(result, recording))
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    write_document(ET.tostring(root, encoding="utf-8", xml_declaration=True).decode(), path)


def _recordings(results: Sequence[Result]) -> list[list[str]]:
    """What the classes of each result begin with: nothing for a single one, else the name of its recording."""
    if len(results) == 1:
        return [[]]
    seen: Counter[str] = Counter()
    found = []
    for result in results:
        name = Path(result.recording).name or result.run_id
        seen[name] += 1
        found.append([name if seen[name] == 1 else f"{name}-{seen[name]}"])
    return found


def _suite(result: Result, recording: list[str]) -> ET.Element:
    cases = [_case(each, recording) for each in result.results]
    cases += [_background(rule, len(alerts), recording) for rule, alerts in result.background.alerts.items()]
    seconds = (result.finished - result.started).total_seconds()
    suite = ET.Element("testsuite", name=f"livefire {result.run_id}", tests=str(len(cases)), time=f"{seconds:.3f}")
    suite.set("timestamp", result.started.strftime("%Y-%m-%dT%H:%M:%S"))
    for kind in ("failure", "error", "skipped"):
        suite.set(f"{kind}s" if kind != "skipped" else kind, str(sum(case.find(kind) is not None for case in cases)))
    properties = ET.SubElement(suite, "properties")
    for name, version in result.versions.items():
        ET.SubElement(properties, "property", name=f"version.{name}", value=legal_xml(version))
    suite.extend(cases)
    return suite


def _case(result: AtomicResult, recording: list[str]) -> ET.Element:
    atomic = result.atomic.removeprefix(f"{result.technique}/")
    parts, name = [*recording, result.rule, result.technique], atomic
    if result.variant:
        parts.append(result.variant.of.removeprefix(f"{result.technique}/"))
        name = f"{result.variant.family}.{result.variant.name}"
    seconds = result.latency.alert or result.latency.telemetry or 0.0
    case = _element(parts, name, seconds)
    if place := _PLACE.fullmatch(result.at):
        case.set("file", legal_xml(place["file"]))
        case.set("line", place["line"])
    properties = ET.SubElement(case, "properties")
    for key, value in properties_of(result).items():
        ET.SubElement(properties, "property", name=key, value=legal_xml(value))
    kind = _kind(result.verdict)
    if kind:
        message = legal_xml(f"{result.verdict}: {result.reason}")
        outcome = ET.SubElement(case, kind, message=message, type=str(result.verdict))
        outcome.text = legal_xml("\n".join(details(result)))
    return case


def _element(parts: list[str], name: str, seconds: float) -> ET.Element:
    classname = ".".join(_UNSAFE.sub("_", part) for part in ["livefire", *parts])
    return ET.Element("testcase", classname=classname, name=_UNSAFE_NAME.sub("_", name), time=f"{seconds:.3f}")


def _kind(verdict: Verdict) -> str:
    if verdict.as_expected:
        return ""
    return {Verdict.SKIPPED: "skipped", Verdict.INCONCLUSIVE: "error"}.get(verdict, "failure")


def _background(rule: str, alerts: int, recording: list[str]) -> ET.Element:
    case = _element([*recording, rule], "background", 0)
    if alerts:
        message = f"UNEXPECTED_ALERT: {alerts} alerts in the background"
        ET.SubElement(case, "failure", message=message, type=str(Verdict.UNEXPECTED_ALERT)).text = message
    return case


def properties_of(result: AtomicResult) -> dict[str, str]:
    """What identifies a result: verdict, expectation, process, session, containers, latency."""
    found = {
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
        for key, value in (found | {"containers": ",".join(containers)}).items()
        if value not in (None, "")
    }
