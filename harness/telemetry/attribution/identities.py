"""The slices of requests to the API server and of pods, by identity: who made it, was given it, or took it.

Source: audit.k8s.io/v1 Event; the extra `authentication.kubernetes.io/…` of a bound token's user, and the annotation
that names the credential issued by a TokenRequest (Kubernetes 1.30 and later).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from harness.model.manifest import HARNESS
from harness.recording.json_lines import parsed
from harness.telemetry.attribution.pods import Runners
from harness.telemetry.readers.seen_pods import PodName, SeenPod
from harness.telemetry.schema import BACKGROUND, ambiguous, one_of

_EXTRA = "authentication.kubernetes.io/"
_ACCOUNT = "system:serviceaccount:"
# Ways to act in an existing pod. Processes started this way may go on, and stolen tokens stay valid.
_REACHES = {"exec", "attach", "ephemeralcontainers", "portforward", "proxy"}
_EARLY = 0.02  # seconds: the runtime may act a little before the logged time


@dataclass
class Identities:
    """Attributes the requests of one recording, in their order, and remembers what each atomic made.

    `users` are slices by user name. `during` gives the atomic whose attack ran at a moment, or an empty text;
    `is_canary` says whether a request (verb, URI, seconds) is a canary; `runners` are the pods that have an account.
    """

    users: Mapping[str, str]
    during: Callable[[float], str]
    is_canary: Callable[[str, str, float], bool]
    runners: Runners = field(default_factory=Runners)
    _made: dict[str, str] = field(default_factory=dict)
    _given: dict[str, set[str]] = field(default_factory=dict)
    _credentials: dict[str, str] = field(default_factory=dict)
    _pods: dict[PodName, list[tuple[float, str]]] = field(default_factory=dict)
    _changed: list[tuple[float, PodName, str]] = field(default_factory=list)
    _older: frozenset[PodName] = frozenset()
    _seen: set[str] = field(default_factory=set)
    _read_secrets: set[str] = field(default_factory=set)
    _agents: set[str] = field(default_factory=set)
    _execs: list[tuple[float, float, PodName, str]] = field(default_factory=list)
    _reached: list[tuple[float, PodName, str]] = field(default_factory=list)

    def of(self, event: Mapping[str, Any]) -> str:
        """The slice of a request. What the request made is remembered with that slice."""
        user = _object(event.get("user"))
        name, at = str(user.get("username")), _seconds(event.get("requestReceivedTimestamp"))
        whose = self._of(event, name, user, at)
        if whose == BACKGROUND and self._is_canary(event, at):
            whose = HARNESS
        if _succeeded(event):
            self._learn(event, whose)
        self._seen.add(name)
        return whose

    def of_pod(self, pod: PodName, at: float) -> str:
        """The slice of a pod at a moment: that of the last earlier request that made a pod of this name."""
        made = [whose for created, whose in self._pods.get(pod, ()) if not created > at]
        return made[-1] if made else BACKGROUND

    def of_containers(self, seen: Iterable[SeenPod]) -> dict[str, str]:
        """The slices of the containers in pods: of the pod's maker and of all who changed it before they were seen.

        A pod without a request, or made by a controller such as a Deployment's, is background.
        """
        slices: dict[str, str] = {}
        for seen_pod in seen:
            made = [created for created, _ in self._pods.get(seen_pod.name, ()) if not created > seen_pod.at]
            since = made[-1] if made else -math.inf
            changed = {who for at, pod, who in self._changed if pod == seen_pod.name and since <= at <= seen_pod.at}
            for container in seen_pod.containers:
                slices.setdefault(container, one_of({self.of_pod(seen_pod.name, seen_pod.at)} | changed))
        return slices

    def expect(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take in which pods will be made, before any request. The other pods are older than the capture."""
        made = {_named(event) for event in events if _makes_pod(event)}
        self._older = frozenset(self.runners.accounts.keys() - made)

    def reached(self, pods: Collection[PodName | None], at: float) -> set[str]:
        """The slices of all parties that reached into one of these pods by a moment; None is no pod."""
        return {whose for began, pod, whose in self._reached if pod in pods and not began - _EARLY > at}

    def executing(self, pod: PodName, at: float) -> str:
        """The slice of an exec in a pod at a moment; empty for none."""
        return one_of(who for began, ended, name, who in self._execs if name == pod and began - _EARLY <= at <= ended)

    def _of(self, event: Mapping[str, Any], name: str, user: Mapping[str, Any], at: float) -> str:
        running, extra = self.during(at), _object(user.get("extra"))
        credential, bound = (_first(extra.get(f"{_EXTRA}{key}")) for key in ("credential-id", "pod-name"))
        token_of = (name.removeprefix(_ACCOUNT).split(":")[0], bound) if bound else None
        came_from = self.runners.source(event.get("sourceIPs"))
        pods = {pod for pod in (token_of, came_from) if pod}
        reached = self.reached(pods, at)
        if known := self.users.get(name):
            return self._ours(event, at, running) if known == HARNESS else one_of({known, *reached})
        given = self._credentials.get(credential)
        if given and not (token_of and given == BACKGROUND):  # a pod's token is requested by its node
            return one_of({given, *reached})
        if name in self._made and token_of not in self._pods:
            return one_of({self._made[name], *reached})
        if pods:  # whatever its user name
            taken = {ambiguous(running)} if running and self._is_elsewhere(token_of, came_from) else set()
            return one_of({self.of_pod(pod, at) for pod in pods} | reached | taken)
        if credential or not name.startswith(_ACCOUNT):
            return BACKGROUND  # another token, even if it is for the same account
        return self._of_account(name, running)

    def _is_elsewhere(self, token_of: PodName | None, came_from: PodName | None) -> bool:
        """Whether a pod's token came from another address than the pod has."""
        return token_of is not None and token_of != came_from and bool(self.runners.addresses.get(token_of))

    def _of_account(self, name: str, running: str) -> str:
        was_used = self.runners.with_account(name) & self._older
        given = self._given.get(name, set()) | ({BACKGROUND} if was_used else set())
        if given - {BACKGROUND}:
            return one_of(given)
        stolen = running in self._read_secrets and name not in self._seen
        return ambiguous(running) if stolen else BACKGROUND

    def _is_canary(self, event: Mapping[str, Any], at: float) -> bool:
        return self.is_canary(str(event.get("verb")), str(event.get("requestURI")), at)

    def _ours(self, event: Mapping[str, Any], at: float, running: str) -> str:
        """The slice of a request in Livefire's name. While an attack runs, only Livefire's client counts."""
        agent = str(event.get("userAgent"))
        if self._is_canary(event, at):
            self._agents.add(agent)
        if not running or agent in self._agents or not self._agents:
            return HARNESS
        return ambiguous(running)

    def _learn(self, event: Mapping[str, Any], whose: str) -> None:
        verb, reference = event.get("verb"), _object(event.get("objectRef"))
        resource, below = reference.get("resource"), reference.get("subresource")
        place, began = _named(event), _seconds(event.get("requestReceivedTimestamp"))
        account = f"{_ACCOUNT}{place[0]}:{place[1]}"
        if resource == "serviceaccounts" and verb == "create":
            if below == "token":
                self._give(event, account, whose)
            elif whose not in (BACKGROUND, HARNESS):
                self._made[account] = whose
        elif _makes_pod(event):
            self._pods.setdefault(place, []).append((began, whose))
            name = _account_name(event) or self.runners.accounts.get(place) or "default"
            self._give_to(f"{_ACCOUNT}{place[0]}:{name}", BACKGROUND if whose == HARNESS else whose)  # its token
        elif resource == "pods" and below in _REACHES:
            self._reached.append((began, place, whose))
            if below == "ephemeralcontainers":
                self._changed.append((began, place, whose))
            if below == "exec":
                open_ = event.get("stage") == "ResponseStarted"
                ended = math.inf if open_ else _seconds(event.get("stageTimestamp"))
                self._execs.append((began, ended, place, whose))
        elif resource == "pods" and not below and verb in ("patch", "update"):
            self._changed.append((began, place, whose))
        elif resource == "secrets" and verb in ("get", "list", "watch"):
            self._read_secrets.add(whose)

    def _give(self, event: Mapping[str, Any], account: str, whose: str) -> None:
        if issued := _object(event.get("annotations")).get(f"{_EXTRA}issued-credential-id"):
            self._credentials[str(issued)] = whose
        self._give_to(account, whose)

    def _give_to(self, account: str, whose: str) -> None:
        self._given.setdefault(account, {BACKGROUND} if account in self._seen else set()).add(whose)


def read_identities(identities: Identities, lines: Iterable[bytes]) -> list[str]:
    """The slice of each line of an API audit log; empty for a line that is no event.

    Requests are taken in the order in which they were received. A line is written only when its request has ended.
    """
    events: list[dict[str, Any]] = []
    received: list[float] = []
    for line in lines:
        event = _event(line)
        at = _seconds(event.get("requestReceivedTimestamp"))
        received.append((received or [-math.inf])[-1] if math.isnan(at) else at)
        events.append(event)
    identities.expect(events)
    slices = [""] * len(events)
    for place in sorted(range(len(events)), key=received.__getitem__):
        if events[place].get("kind") == "Event":
            slices[place] = identities.of(events[place])
    return slices


def _event(line: bytes) -> dict[str, Any]:
    try:
        return _object(parsed(line))
    except ValueError:
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _named(event: Mapping[str, Any]) -> PodName:
    """Namespace and name of a request's object. A generated name is only in the response."""
    reference = _object(event.get("objectRef"))
    name = reference.get("name") or _object(_object(event.get("responseObject")).get("metadata")).get("name")
    return str(reference.get("namespace")), str(name)


def _makes_pod(event: Mapping[str, Any]) -> bool:
    reference = _object(event.get("objectRef"))
    of_pod = reference.get("resource") == "pods" and not reference.get("subresource")
    return of_pod and event.get("verb") == "create" and _succeeded(event)


def _succeeded(event: Mapping[str, Any]) -> bool:
    code = _object(event.get("responseStatus")).get("code")
    return type(code) is int and code < 300


def _account_name(event: Mapping[str, Any]) -> str:
    """The account of a pod that a request makes; empty where the body is missing."""
    return str(_object(_object(event.get("requestObject")).get("spec")).get("serviceAccountName") or "")


def _first(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) and value else ""


def _seconds(text: Any) -> float:
    """Seconds since the epoch; NaN, which compares false with every time, for what is no time."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return math.nan
