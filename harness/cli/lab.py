"""`livefire lab`: keep a lab, so that the next run takes seconds."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console

from harness.capture.lab.lab import LabChoice, kept_lab
from harness.capture.state import exclusive, owned_folders
from harness.cli.options import AuditLogOption, ClusterOption, DockerOption
from harness.errors import LabUnavailable
from harness.report.console import LiveConsole
from harness.session import obtain_lab

app = typer.Typer(help="Keep a lab, so that the next run takes seconds.", no_args_is_help=True)


@app.command()
def up(cluster: ClusterOption = "auto", docker: DockerOption = "auto", kube_audit_log: AuditLogOption = None) -> None:
    """Start a lab and leave it running."""
    with exclusive(), LiveConsole(Console(stderr=True)) as live:
        lab = obtain_lab(LabChoice(cluster, docker, kube_audit_log), live)
        lab.keep()
    status()


@app.command()
def down() -> None:
    """Take the kept lab down."""
    console = Console(highlight=False)
    with exclusive():
        labs = [owned for owned in owned_folders() if owned.id.startswith("lab-")]
        problems = [problem for owned in labs for problem in owned.ledger.undo()]
    if problems:
        raise LabUnavailable("left behind: " + "; ".join(problems), hint="Run `livefire clean`.")
    console.print(f"{len(labs)} lab taken down" if labs else "no lab is up")


@app.command()
def status() -> None:
    """Say which lab is up, and how to reach it."""
    console = Console(highlight=False, soft_wrap=True)
    lab = kept_lab()
    if lab is None:
        console.print("no lab is up")
        return
    rows: list[tuple[str, Any]] = [("lab", lab.owned.id)]
    if lab.docker:
        rows += [("docker", f"{lab.docker.kind} {lab.docker.version}"), ("DOCKER_HOST", f"unix://{lab.docker.socket}")]
    if lab.cluster:
        rows += [("cluster", f"{lab.cluster.kind} {lab.cluster.version}"), ("KUBECONFIG", lab.cluster.kubeconfig)]
    for name, value in rows:
        console.print(f"{name:12} {value}", markup=False)
