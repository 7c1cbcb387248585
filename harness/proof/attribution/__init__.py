"""Whose doing a row is."""

from harness.proof.attribution.attribution import Attribution, Placed
from harness.proof.attribution.docker_requests import DockerRequest, read_request, read_requests
from harness.proof.attribution.pods import Pods, read_pod_creations

__all__ = ["Attribution", "DockerRequest", "Placed", "Pods", "read_pod_creations", "read_request", "read_requests"]
