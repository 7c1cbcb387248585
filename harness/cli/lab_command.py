"""`livefire lab`: keep a lab, so that the next run takes seconds."""

from __future__ import annotations

from harness.cli.live_requests import LabDown, LabPull, LabStatus, LabUp
from harness.errors import LabUnavailable
from harness.files.documents import print_json
from harness.host.heal import heal
from harness.host.owned_folders import exclusive, owned_folders, state_root
from harness.host.scratch import scratch
from harness.lab.lab import kept_lab
from harness.lab.lab_choice import LabChoice, plan
from harness.report.live_console import LiveConsole
from harness.report.terminal import Terminal
from harness.session import alone, obtain_lab, pull_node_image


def up(request: LabUp) -> None:
    """`livefire lab up`. Raises LabUnavailable, Busy."""
    choice = LabChoice(request.cluster, request.docker, request.kube_audit_log, request.node_image)
    if request.dry_run:
        for line in plan(choice):
            Terminal(soft_wrap=True).print(line)
        return
    with alone(), LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):
        heal(live)
        obtain_lab(choice, live).keep()
    status(LabStatus())


def down(request: LabDown) -> None:
    """`livefire lab down`. Raises LabUnavailable where something is left behind."""
    console = Terminal(soft_wrap=True)
    if request.dry_run:
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


def pull(request: LabPull) -> None:
    """`livefire lab pull`. Raises LabUnavailable where no registry answers."""
    with exclusive(), LiveConsole(Terminal(stderr=True)) as live, scratch(state_root()):
        path = pull_node_image(request.node_image, live)
    Terminal(soft_wrap=True).print(str(path))


def status(request: LabStatus) -> None:
    """`livefire lab status`."""
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
    if request.json:
        print_json(rows)
        return
    console = Terminal(soft_wrap=True)
    for name, value in rows.items():
        console.print(f"{name:12} {value}")
    if not rows:
        console.print("no lab is up")
