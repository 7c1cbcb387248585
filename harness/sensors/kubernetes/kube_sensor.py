"""The audit log of the Kubernetes API server (log backend, blocking mode)."""

from __future__ import annotations

from harness.errors import LabUnavailable
from harness.host.owned_folders import OwnedFolder
from harness.lab.kubernetes.cluster import Cluster
from harness.lab.kubernetes.kube_api import KubeApi
from harness.model.manifest import Check, Mark, SensorRecord
from harness.recording import layout
from harness.sensors.kubernetes.pod_canary import pod_canary
from harness.sensors.kubernetes.pod_watch import PodWatch
from harness.sensors.redaction import redact_audit_event
from harness.sensors.sensor import Arrivals, Patience, canary_token, make_check, make_mark, now


class KubeAuditSensor:
    """Follows the audit log's file and, where pods run, a watch on pods."""

    name = "kube_audit"

    def __init__(self, api: KubeApi, cluster: Cluster, arrivals: Arrivals, owned: OwnedFolder) -> None:
        self._api = api
        self._pods = PodWatch(api, arrivals.file(layout.KUBE_PODS)) if cluster.runs_pods else None
        self._canary = pod_canary(api, owned, cluster)
        self._source = cluster.audit_log
        self._follower = arrivals.follow(cluster.audit_log, layout.KUBE_AUDIT, redact=redact_audit_event)
        self._patience = Patience()
        self._marks: list[Mark] = []
        self._before: Check | None = None
        self._unwritten = 0

    def start(self) -> None:
        """Follow the log from its end, and watch the pods. Raises LabUnavailable when the log can't be read."""
        try:
            self._follower.start()
        except OSError as error:
            raise LabUnavailable(f"the audit log {self._source}: {error.strerror}") from None
        if self._pods:
            self._pods.start()
        self._lost()
        self._before = self._check()

    def mark(self, label: str) -> Mark:
        """Request a configmap that does not exist, named by a token; annotate a pod with the token."""
        token, emitted = canary_token(), now()
        problems = self._follower.take_problems() + (self._pods.take_problems() if self._pods else [])
        try:
            self._api.canary(token, timeout=self._patience.timeout)
            if self._canary:
                self._canary.emit(token, timeout=self._patience.timeout)
            problems += self._lost()
        except LabUnavailable as error:
            problems.append(error.message)
            self._patience.lose()
        seen = self._patience.wait(lambda seconds: self._seen(token, seconds))
        mark = make_mark(label, token, emitted, seen, {"copied": self._follower.copied}, problems)
        self._marks.append(mark)
        return mark

    def _lost(self) -> list[str]:
        """A problem if the server could not write events since the last call, as on a full disk or to a locked log."""
        count = self._api.unwritten(timeout=self._patience.timeout)
        if count is None:
            return []
        before, self._unwritten = self._unwritten, count
        lost = count - before if count >= before else count  # the server was restarted
        return [f"the API server could not write {lost} events to its audit log"] if lost else []

    def _seen(self, token: str, timeout: float) -> float | None:
        seen = self._follower.seen(token, timeout)
        return self._pods.seen(token, timeout) if self._pods and self._canary and seen is not None else seen

    def drain(self) -> SensorRecord:
        """Check once more and stop following."""
        assert self._before is not None
        after = self._check()
        self._follower.stop()
        problems, readings = after.problems + self._follower.take_problems(), after.readings
        if self._pods:
            self._pods.stop(self._patience.timeout)
            problems, readings = problems + self._pods.take_problems(), readings | {"pods": self._pods.lines}
        return SensorRecord(
            name="kube_audit",
            files=[layout.KUBE_AUDIT, *([layout.KUBE_PODS] if self._canary else [])],
            before=self._before,
            after=make_check(readings, problems),
            marks=self._marks,
        )

    def _check(self) -> Check:
        fault = self._api.ready(timeout=self._patience.timeout)
        return make_check({"ready": not fault}, [f"the API server is not ready: {fault}"] if fault else [])
