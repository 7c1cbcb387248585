"""`livefire lab`: keep a lab, so that the next run takes seconds."""

from __future__ import annotations

import typer

from harness.cli.options import AsJson, AuditLogOption, ClusterOption, DockerOption, DryRun, NodeImageOption, print_json
from harness.errors import LabUnavailable
from harness.host.heal import heal
from harness.host.owned_folders import exclusive, owned_folders, state_root
from harness.host.scratch import scratch
from harness.lab.lab import kept_lab
from harness.lab.lab_choice import LabChoice, plan
from harness.report.console import LiveConsole
from harness.report.terminal import Terminal
from harness.session import alone, obtain_lab, pull_node_image

app = typer.Typer(help="Keep a lab, so that the next run takes seconds.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def up(
    cluster: ClusterOption = "auto",
    docker: DockerOption = "auto",
    kube_audit_log: AuditLogOption = None,
    node_image: NodeImageOption = None,
    dry_run: DryRun = False,
) -> None:
    """Start a lab and leave it running."""
    choice = LabChoice(cluster, docker, kube_audit_log, node_image)
    if dry_run:
        for line in plan(choice):
            Terminal(soft_wrap=True).print(line)
        return
    with alone(), LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):
        heal(live)
        obtain_lab(choice, live).keep()
    status()


@app.command()
def down(dry_run: DryRun = False) -> None:
    """Take the kept lab down."""
    console = Terminal(soft_wrap=True)
    if dry_run:
        for owned in owned_folders():
            for line in owned.ledger.describe() if owned.id.startswith("lab-") else []:
                console.print(f"would undo {line}")
        return
    with exclusive():
        labs = [owned for owned in owned_folders() if owned.id.startswith("lab-")]
        problems = [problem for owned in reversed(labs) for problem in owned.undo()]
    if problems:
        raise LabUnavailable("left behind: " + "; ".join(problems), hint="Run `livefire clean`.")
    console.print(f"{len(labs)} lab taken down" if labs else "no lab is up")


@app.command(short_help="Pull kind's node image, and keep it in the cache.")
def pull(node_image: NodeImageOption = None) -> None:
    """Pull a node image for kind, pinned by digest, and keep it in the cache. Exit 3 where no registry answers."""
    with exclusive(), LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):
        path = pull_node_image(node_image, live)
    Terminal(soft_wrap=True).print(str(path))


@app.command()
def status(json: AsJson = False) -> None:
    """Say which lab is up, and how to reach it."""
    lab = kept_lab()
    rows: dict[str, str] = {}
    if lab:
        rows["lab"] = lab.owned.id
        if lab.docker:
            rows["docker"] = f"{lab.docker.kind} {lab.docker.version}"
            rows["DOCKER_HOST"] = f"unix://{lab.docker.socket}"
        if lab.cluster:
            rows["cluster"] = f"{lab.cluster.kind} {lab.cluster.version}"
            rows["KUBECONFIG"] = str(lab.cluster.kubeconfig)
    if json:
        print_json(rows)
        return
    console = Terminal(soft_wrap=True)
    for name, value in rows.items():
        console.print(f"{name:12} {value}")
    if not rows:
        console.print("no lab is up")
