"""What speaks against a lab is said before anything is made, each check with its cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.capture.host_preflight import check_host
from harness.errors import LabUnavailable
from harness.host import cgroup
from harness.host.hierarchies import Hierarchy
from harness.lab.docker.daemon_preflight import check_daemon
from harness.lab.kubernetes.kind_preflight import check_kind, require_kind


def program(folder: Path, name: str, output: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("said", "level"),
    [("kind v0.27.0 go1.24.4 linux/amd64", "ok"), ("kind v0.11.1 go1.16", "fail"), ("nothing", "fail")],
)
def test_the_version_of_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, level: str) -> None:
    program(tmp_path / "bin", "kind", said)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    check = next(f for f in check_kind() if f.name == "kind")
    assert check.level == level
    assert bool(check.cure) == (level != "ok")


def test_a_docker_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "docker", "Docker version 19.03.5, build 633a0ea")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    check = next(f for f in check_kind() if f.name == "docker version")
    assert (check.level, check.cure) == ("fail", "Install Docker 20.10 or later.")


def test_a_daemon_that_does_not_answer_is_told(tmp_path: Path) -> None:
    checks = check_daemon(tmp_path / "no.sock", "lab-000000")
    assert {check.level for check in checks} == {"fail"}
    assert all("does not answer" in check.said for check in checks)


def test_every_failure_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "kind", "kind v0.11.1 go1.16")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(LabUnavailable) as caught:
        require_kind(tmp_path / "no.sock", "lab-000000")
    for check in ("kind", "storage driver", "name clash"):
        assert f"\n  {check}: " in str(caught.value)


def test_without_control_groups_it_is_said_what_can_t_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(cgroup, "hierarchies", lambda: [Hierarchy(tmp_path / "file", 2)])
    found = next(each for each in check_host() if each.name == "control groups")
    assert (found.level, found.said) == ("warn", f"none can be made: {tmp_path / 'file'}: Not a directory")
    assert "leaves its session and empties its environment" in found.cure
