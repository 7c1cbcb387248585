"""The schedule of a Microsoft Sentinel rule, simulated over recorded telemetry: when an alert would appear, if ever."""

from harness.study.schedule.delays import DEFAULT, Delay, Late, parse_delay, parse_late, parse_share
from harness.study.schedule.ingestion import Ingestion
from harness.study.schedule.simulation import simulate

__all__ = ["DEFAULT", "Delay", "Ingestion", "Late", "parse_delay", "parse_late", "parse_share", "simulate"]
