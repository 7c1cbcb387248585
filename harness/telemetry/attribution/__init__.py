"""Attribution: to which atomic a row belongs."""

from harness.telemetry.attribution.attribution import Attribution
from harness.telemetry.attribution.moments import Image, Moment, birth_of
from harness.telemetry.attribution.owners import Placed
from harness.telemetry.attribution.processes import Process, Processes, read_processes
from harness.telemetry.attribution.residents import Residents, processes_of, read_residents
from harness.telemetry.attribution.sessions import Sessions, read_sessions

__all__ = [
    "Attribution",
    "Image",
    "Moment",
    "Placed",
    "Process",
    "Processes",
    "Residents",
    "Sessions",
    "birth_of",
    "processes_of",
    "read_processes",
    "read_residents",
    "read_sessions",
]
