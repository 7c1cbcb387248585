"""The image of a kind node: kind's own where a registry answers, else the one that scripts/build-node-image builds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors
import requests

from harness.errors import InvalidInput, LabUnavailable
from harness.host.owned_folders import cache_root
from harness.lab.docker.docker_api import docker_client
from harness.lab.named import spelled, why

# Source: the release notes of kind v0.27.0; an image is made for one release of kind, and its tag may move.
OFFICIAL = "kindest/node:v1.32.2@sha256:f226345927d7e348497136874b6d207e0b32cc52154ad8323129352923a3142f"
_BUILD = "Run scripts/build-node-image, which builds one from Debian packages, or name one with --node-image."
_PULL_TIMEOUT = 900.0


@dataclass(frozen=True)
class NodeImage:
    """An image to use: loaded from `archive`, or pulled where that is None; `why` says how it was chosen."""

    reference: str
    archive: Path | None
    why: str


def choose(given: str | None) -> NodeImage:
    """The image of `--node-image` (a reference, or an archive of `docker save`), else a cached one, else kind's own.

    Raises InvalidInput for an archive that does not exist.
    """
    if given and given.endswith((".tar", ".tar.gz")):
        if not Path(given).is_file():
            raise InvalidInput(f"{spelled('--node-image', given)}: there is no such file")
        return NodeImage(Path(given).name, Path(given), why("--node-image", given))
    reference = given or OFFICIAL
    pulled = _archive_of(reference)
    if pulled.is_file():
        return NodeImage(_tag(reference), pulled, "pulled before")
    if given:
        return NodeImage(given, None, why("--node-image", given))
    built = max((cache_root() / "node-image").glob("v*.tar.gz"), key=lambda p: p.stat().st_mtime, default=None)
    if built:
        return NodeImage(f"livefire/node:{built.name.removesuffix('.tar.gz')}", built, "built from Debian packages")
    return NodeImage(OFFICIAL, None, "the default of kind v0.27")


def provide(image: NodeImage, socket: Path) -> str:
    """Load or pull the image unless the daemon has it; returns the daemon's reference.

    Raises LabUnavailable when it can neither be loaded nor pulled.
    """
    with docker_client(socket, timeout=_PULL_TIMEOUT) as client:
        with contextlib.suppress(docker.errors.ImageNotFound):
            client.images.get(image.reference)
            return image.reference
        try:
            if image.archive is None:
                client.images.pull(image.reference)
                return image.reference
            with image.archive.open("rb") as archive:
                loaded = client.images.load(archive)
        except (docker.errors.DockerException, requests.RequestException, OSError) as error:
            verb = "pulled" if image.archive is None else "loaded"
            reason = getattr(error, "explanation", None) or str(error)
            raise LabUnavailable(f"the node image {image.reference} cannot be {verb}: {reason}", hint=_BUILD) from None
        tags = [tag for loaded_image in loaded for tag in loaded_image.tags]
        if not tags:
            raise LabUnavailable(f"the node image {image.archive} names no image", hint=_BUILD)
        return str(tags[0])


def fetch(given: str | None, socket: Path, say: Callable[[str], None]) -> Path:
    """Pull an image and keep it as an archive in the cache, where `choose` finds it. Raises LabUnavailable."""
    reference = given or OFFICIAL
    target = _archive_of(reference)
    if target.is_file():
        return target
    say(f"pulling {reference}")
    provide(NodeImage(reference, None, ""), socket)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    say("saving it in the cache")
    with docker_client(socket, timeout=_PULL_TIMEOUT) as client:
        image = client.images.get(reference)
        image.tag(_tag(reference))  # saved by its digest, it would have no name
        with part.open("wb") as out:
            for chunk in client.images.get(_tag(reference)).save(named=True):
                out.write(chunk)
    part.rename(target)  # complete or not at all
    return target


def _tag(reference: str) -> str:
    """A reference without its digest, which a daemon knows only for images that it pulled."""
    name, _, _ = reference.partition("@")
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _archive_of(reference: str) -> Path:
    name = "".join(c if c.isalnum() or c in "-._" else "_" for c in reference)
    return cache_root() / "node-image" / f"pulled-{name[:120]}.tar"
