"""Whose doing a row is."""

from harness.proof.attribution.attribution import Attribution
from harness.proof.attribution.docker_requests import DockerRequest, read_request, read_requests
from harness.proof.attribution.moments import Image, Moment, birth_of
from harness.proof.attribution.placed import Placed
from harness.proof.attribution.pods import SeenPod, read_pods
from harness.proof.attribution.processes import Process, Processes, read_processes
from harness.proof.attribution.residents import Residents, processes_of, read_alive, read_residents
from harness.proof.attribution.sessions import Sessions, read_sessions

__all__ = [
    "Attribution",
    "DockerRequest",
    "Image",
    "Moment",
    "Placed",
    "Process",
    "Processes",
    "Residents",
    "SeenPod",
    "Sessions",
    "birth_of",
    "processes_of",
    "read_alive",
    "read_pods",
    "read_processes",
    "read_request",
    "read_requests",
    "read_residents",
    "read_sessions",
]
