"""JUnit XML, in the form that pytest calls xunit1: a test case for each atomic and rule, with properties."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from harness.model.result import AtomicResult, Result
from harness.model.verdict import Verdict
from harness.report.describe import details
from harness.report.text import legal_xml


def write_junit(results: Sequence[Result], path: Path) -> None:
    """One test suite for each recording, and one test case more for its background."""
    root = ET.Element("testsuites")
    for result in results:
        root.append(_suite(result))
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _suite(result: Result) -> ET.Element:
    cases = [_case(each) for each in result.results]
    cases += [_background(rule, len(alerts)) for rule, alerts in result.background.alerts.items()]
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


def _case(result: AtomicResult) -> ET.Element:
    seconds = result.latency.alert or result.latency.telemetry or 0.0
    name = f"{result.atomic} [{result.rule}]"
    case = ET.Element("testcase", classname=f"livefire.{result.technique}", name=name, time=f"{seconds:.3f}")
    properties = ET.SubElement(case, "properties")
    for key, value in properties_of(result).items():
        ET.SubElement(properties, "property", name=key, value=legal_xml(value))
    kind = _kind(result.verdict)
    if kind:
        message = legal_xml(f"{result.verdict}: {result.reason}")
        ET.SubElement(case, kind, message=message).text = legal_xml("\n".join(details(result)))
    return case


def _kind(verdict: Verdict) -> str:
    if verdict.as_expected:
        return ""
    return {Verdict.SKIPPED: "skipped", Verdict.INCONCLUSIVE: "error"}.get(verdict, "failure")


def _background(rule: str, alerts: int) -> ET.Element:
    case = ET.Element("testcase", classname="livefire.background", name=f"background [{rule}]", time="0")
    if alerts:
        ET.SubElement(case, "failure", message=f"UNEXPECTED_ALERT: {alerts} alerts in the background")
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
