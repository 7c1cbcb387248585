"""Livefire's canaries in the logs. A token counts only as the whole value, in its place, at its time.

A token is no secret once it was emitted. An attack that puts one into a name or an argument hides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from harness.model.manifest import Canary, Manifest
from harness.recording import canary_names
from harness.telemetry.attribution.moments import Moment

_IMAGE = f"{canary_names.REPOSITORY}:"
_TAG = re.compile(r"^(?:/v[\d.]+)?/images/[^?]+/tag$")
_UNTAG = re.compile(r"^(?:/v[\d.]+)?/images/([^?]+)$")
_SLACK = 0.05
_LONGEST = timedelta(seconds=10)  # the window of a canary that was never seen; a mark waits for 5 s


@dataclass
class Canaries:
    """The canaries of one recording; times in seconds, epoch."""

    manifest: Manifest
    _windows: dict[str, tuple[float, float]] = field(default_factory=dict)
    _of_attacks: dict[str, tuple[Canary, int | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for mark in (mark for sensor in self.manifest.sensors for mark in sensor.marks):
            until = mark.seen or mark.emitted + _LONGEST
            self._windows[mark.token] = (mark.emitted.timestamp() - _SLACK, until.timestamp() + _SLACK)
        for attack in (d.attack for d in self.manifest.detonations if d.attack):
            self._of_attacks |= {canary.token: (canary, attack.session) for canary in attack.canaries}

    def asks_api(self, verb: str, uri: str, at: float) -> bool:
        """Whether a request to the API server is a canary: it gets a configmap that has a token as its name."""
        return (
            verb == "get"
            and uri.startswith(canary_names.CONFIGMAPS)
            and self._now(uri.removeprefix(canary_names.CONFIGMAPS), at)
        )

    def asks_daemon(self, method: str, uri: str, at: float) -> bool:
        """Whether a request to the Docker daemon is a canary: it tags an image with a token, or removes that tag."""
        parts = urlsplit(uri)
        if method == "POST" and _TAG.match(parts.path):
            query = parse_qs(parts.query)
            tags = query.get("tag", [])
            return query.get("repo") == [canary_names.REPOSITORY] and len(tags) == 1 and self._now(tags[0], at)
        match = _UNTAG.match(parts.path)
        return bool(method == "DELETE" and match and self.tags(unquote(match[1]), at))

    def tags(self, name: str, at: float) -> bool:
        """Whether the name of an image is a canary."""
        return name.startswith(_IMAGE) and self._now(name.removeprefix(_IMAGE), at)

    def executed(self, moment: Moment, arguments: list[str]) -> bool:
        """Whether an execution is a canary: `true TOKEN`, or a program with its token in an attack's session."""
        if len(arguments) != 2:
            return False
        name, token = arguments[0].rpartition("/")[2], arguments[1]
        if token in self._windows:
            return name == "true" and moment.parent == self.manifest.harness_pid
        known = self._of_attacks.get(token)
        if known is None:
            return False
        canary, session = known
        return (canary.pid, canary.name) == (moment.pid, name) and session in (None, moment.session)

    def _now(self, token: str, at: float) -> bool:
        window = self._windows.get(token)
        return window is not None and window[0] <= at <= window[1]
