"""Network links that a Docker daemon makes on this machine, and how they are removed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from harness.host.kinds import Foreign
from harness.host.process import run

GWBRIDGE = "docker_gwbridge"  # a swarm's
_LINKS = Path("/sys/class/net")
_NAME = re.compile(r"[^\s/]{1,15}")
_VIRTUAL = ("bridge", "dummy", "vlan", "macvlan", "ipvlan", "veth")


def is_there(name: str) -> bool:
    """Whether this machine has a link of this name."""
    return bool(_NAME.fullmatch(name)) and name not in (".", "..") and (_LINKS / name).exists()


def of_network(id: str) -> list[str]:
    """The links that Docker's drivers bridge, macvlan and ipvlan name by the id of a network (libnetwork)."""
    return [f"{kind}-{id[:12]}" for kind in ("br", "dm", "di")]


def remove_link(name: str) -> None:
    """Remove a link and its ports, since the kernel removes the veth pair of a dead container too late.

    Raises Foreign for a kind of link that no daemon makes.
    """
    if not is_there(name):
        return
    links = json.loads(run(["ip", "-json", "-details", "link", "show", "dev", name]).output)
    if links[0].get("linkinfo", {}).get("info_kind") not in _VIRTUAL:
        raise Foreign(f"no Docker daemon makes the link {name}")
    ports = _LINKS / name / "brif"
    for port in ports.iterdir() if ports.is_dir() else ():
        run(["ip", "link", "delete", port.name], check=False)  # it may have gone by now
    if is_there(name):
        run(["ip", "link", "delete", name])
