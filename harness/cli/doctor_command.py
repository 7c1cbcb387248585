"""`livefire doctor`: what this host can run, each problem with its fix."""

from __future__ import annotations

from dataclasses import asdict

import typer

from harness.capture.host_preflight import check_control_plane, check_host
from harness.cli.live_requests import Doctor
from harness.files.documents import print_json
from harness.host.preflight import Check
from harness.lab.docker.daemon_preflight import check_daemon, daemons
from harness.lab.kubernetes.kind_preflight import check_kind
from harness.report.terminal import Terminal

_WORDS = {"ok": "ok", "warn": "warn", "fail": "FAIL"}


def doctor(request: Doctor) -> None:
    """`livefire doctor`. Exits with 3 when something is missing."""
    host, kind, control_plane = check_host(), check_kind(request.node_image), check_control_plane()
    sections = {"this host": host, "kind": kind, "control plane": control_plane}
    sections |= {f"Docker daemon {socket}": check_daemon(socket) for socket in daemons()}
    if request.json:
        print_json([_as_json(check) for checks in sections.values() for check in checks])
    else:
        console = Terminal(soft_wrap=True)
        for title, checks in sections.items():
            console.print(title)
            for check in checks:
                console.print(f"  {_WORDS[check.level]:5} {check.name:15} {check.said}")
                if check.cure:
                    console.print(f"  {'':21} {check.cure}")
    fit = all(f.level != "fail" for f in host)
    cluster = any(all(f.level != "fail" for f in checks) for checks in (kind, control_plane))
    raise typer.Exit(0 if fit and cluster else 3)


def _as_json(check: Check) -> dict[str, str]:
    values = asdict(check)
    return {"check": values.pop("name")} | values
