"""The containers of each pod, as the API server reports them while pods come and go.

An audit event names the pod that somebody creates; the kernel's records name containers. This joins the two.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path
from typing import Any

from harness.errors import LivefireError, first_line
from harness.lab.kubernetes.kube_api import NAMESPACE, KubeApi
from harness.lab.kubernetes.kube_pods import CANARY, all_pods, pod_watch

_KINDS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_PAUSE = 0.5
_INTERVAL = 0.004


class PodWatch:
    """Writes `raw/kube-pods.jsonl`, a line for each new fact: `time` (seconds, epoch), `namespace`, `name`, `uid`,
    `container_ids`, `account` (the name of its ServiceAccount) and `address` (its own IP address, empty where it has
    none or the node's). Several containers of one pod may come on several lines. Where a pod of ours was annotated with
    a token, the line has `canary`, too. `lines` is how many were written.

    Where the watch breaks, pods that live only until the next watch may be missing: that is a problem.
    """

    def __init__(self, api: KubeApi, target: Path) -> None:
        self._api = api
        self._target = target
        self._known: dict[str, tuple[set[str], str]] = {}
        self._tokens: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listening = threading.Event()
        self._problems: list[str] = []
        self.lines = 0
        self._response: Any = None
        self._thread = threading.Thread(target=self._run, name="pod watch", daemon=True)

    def start(self, timeout: float = 10) -> None:
        """Note all pods, then watch them. Raises LabUnavailable."""
        self._target.touch(mode=0o600)
        self._note_all(timeout)
        self._thread.start()
        if not self._listening.wait(timeout):
            self._tell("the watch on pods did not begin in time")

    def take_problems(self) -> list[str]:
        """The problems since the last call, and whether nothing watches the pods now."""
        with self._lock:
            problems, self._problems = self._problems, []
        watched = self._listening.is_set() and self._thread.is_alive()
        return problems if watched or self._stopping.is_set() else [*problems, "no watch on pods runs"]

    def _tell(self, problem: str) -> None:
        with self._lock:
            self._problems.append(problem)

    def seen(self, token: str, timeout: float) -> float | None:
        """When the watch reported a token (seconds, epoch); None if it did not within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while token not in self._tokens:
            if time.monotonic() >= deadline:
                return None
            time.sleep(_INTERVAL)
        return time.time()

    def stop(self, timeout: float = 10) -> None:
        """Note all pods once more, in case the watch is late, and end the watch."""
        try:
            self._note_all(timeout)
        except (LivefireError, OSError) as error:
            self._tell(f"the pods could not be asked for at the end: {first_line(error)}")
        self._stopping.set()
        with self._lock:
            if self._response is not None:
                with contextlib.suppress(Exception):  # it may have ended by itself
                    self._response.shutdown()
        self._thread.join(timeout=5)

    @property
    def running(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            reason = "it ended"
            try:
                self._follow()
            except Exception as error:  # of the server, the connection, or a malformed answer
                reason = first_line(error)
            broke = self._listening.is_set() and not self._stopping.is_set()
            self._listening.clear()
            if broke:
                self._tell(f"the watch on pods broke, so pods before the next watch may be missing: {reason}")
            self._stopping.wait(_PAUSE)

    def _follow(self) -> None:
        with pod_watch(self._api) as response:
            with self._lock:
                self._response = response
            self._listening.set()
            for line in response:
                self._note(json.loads(line).get("object") or {})

    def _note_all(self, timeout: float = 10) -> None:
        for pod in all_pods(self._api, timeout):
            self._note(pod)

    def _note(self, pod: dict[str, Any]) -> None:
        metadata, spec, status = (pod.get(key) or {} for key in ("metadata", "spec", "status"))
        # containerd://ID, once there is one
        urls = {str(container.get("containerID") or "") for kind in _KINDS for container in status.get(kind) or []}
        ids = {url.rpartition("//")[2] for url in urls if url}
        uid = str(metadata.get("uid") or "")
        address = "" if spec.get("hostNetwork") else str(status.get("podIP") or "")
        with self._lock:
            token = str((metadata.get("annotations") or {}).get(CANARY) or "")
            is_canary = bool(token) and metadata.get("namespace") == NAMESPACE and token not in self._tokens
            known, had = self._known.get(uid, (set(), ""))
            fresh = uid not in self._known or not ids <= known or (address and address != had) or is_canary
            self._known[uid] = (known | ids, address or had)
            if uid and fresh:
                line = {
                    "time": time.time(),
                    "namespace": metadata.get("namespace"),
                    "name": metadata.get("name"),
                    "uid": uid,
                    "container_ids": sorted(ids),
                    "account": spec.get("serviceAccountName") or "",
                    "address": address,
                } | ({"canary": token} if is_canary else {})
                with self._target.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(line) + "\n")
                self.lines += 1
                self._tokens |= {token} if is_canary else set()
