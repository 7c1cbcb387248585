"""What the watch over the kernel's audit notes, and for which atomic."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping

import pytest

from harness.sensors.auditd import audit_watch
from harness.sensors.auditd.audit_rules import exec_rules
from harness.sensors.auditd.audit_state import AuditState
from harness.sensors.auditd.audit_watch import AuditWatch

RULES = exec_rules("livefire-run-0c9a1d")


class Kernel:
    """Rules and settings as the kernel holds them, and each answer takes a moment, as under load."""

    def __init__(self) -> None:
        self.listed = list(RULES)
        self.settings = {"enabled": 1, "backlog_limit": 8192, "rate_limit": 0, "lost": 0, "pid": os.getpid()}

    def status(self) -> dict[str, int]:
        time.sleep(0.002)
        return dict(self.settings)

    def rules(self) -> list[bytes]:
        return list(self.listed)

    def add(self, rule: bytes, *, first: bool = False) -> None:
        self.listed.insert(0 if first else len(self.listed), rule)

    def delete(self, rule: bytes) -> None:
        self.listed.remove(rule)

    def set(self, settings: Mapping[str, int]) -> None:
        self.settings |= settings

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(audit_watch, "AuditKernel", lambda: kernel)
    monkeypatch.setattr(audit_watch, "_INTERVAL", 0)
    return kernel


def test_what_was_put_back_is_told_once_however_often_somebody_looks(kernel: Kernel) -> None:
    watch = AuditWatch(AuditState(tuple(RULES), (("backlog_limit", 8192),)), [], os.getpid())
    watch.start()
    try:
        for _ in range(40):
            kernel.listed.pop()
            kernel.settings["backlog_limit"] = 9000
            told = watch.take_and_put_back()
            assert [text for text in told if text.startswith("a rule was removed")]
            assert "'backlog_limit' was changed from 8192 to 9000" in told
            assert (kernel.listed, kernel.settings["backlog_limit"]) == (RULES, 8192)
            assert watch.take_and_put_back() == []
    finally:
        watch.stop()


def test_what_comes_after_the_last_look_is_put_back_and_told(kernel: Kernel) -> None:
    watch = AuditWatch(AuditState(tuple(RULES), ()), [], os.getpid())  # nobody looks beside
    kernel.listed.clear()
    assert len(watch.take_and_put_back()) == len(RULES)
    assert kernel.listed == RULES
    assert watch.take() == []


@pytest.mark.parametrize("error", [ValueError("unexpected"), MemoryError("none left"), SystemExit("gone")])
def test_a_watch_that_died_is_told_each_time(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    watch = AuditWatch(AuditState(tuple(RULES), ()), [], os.getpid())
    died = threading.Event()

    def status() -> dict[str, int]:
        if threading.current_thread() is not threading.main_thread():
            died.set()
            raise error
        return dict(kernel.settings)

    monkeypatch.setattr(kernel, "status", status)
    watch.start()
    try:
        assert died.wait(10)
        watch._thread.join(10)
        kind = type(error).__name__
        for _ in range(2):
            assert f"the watch on the kernel's audit has ended: {kind}: {error}" in watch.take()
            assert f"the watch on the kernel's audit has ended: {kind}: {error}" in watch.take_and_put_back()
    finally:
        watch.stop()


def test_a_look_that_fails_is_told_and_breaks_nothing(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = AuditWatch(AuditState(tuple(RULES), ()), [], os.getpid())  # nobody looks beside

    def status() -> dict[str, int]:
        raise ValueError("unexpected")

    monkeypatch.setattr(kernel, "status", status)
    assert watch.take() == ["the kernel's audit could not be read: ValueError: unexpected"]
