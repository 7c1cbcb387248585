"""The image that atomics run: static busybox and its links, built here. No pull, no third party."""

from __future__ import annotations

import contextlib
import io
import tarfile
from pathlib import Path

import docker
import docker.errors
from requests import RequestException

from harness.host.process import find_tool
from harness.lab.docker.docker_api import docker_client

REFERENCE = "livefire/busybox:local"
_APPLETS = "cat chmod cp date echo env false find grep head hostname id ip kill ls mkdir mount nc ps rm sh sleep \
tail touch true umount uname vi wc wget whoami".split()
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


def build_archive(busybox: bytes) -> bytes:
    """A tar archive of the root file system: always the same bytes for the same busybox."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "etc", "root", "tmp", "var"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(info)
        _add(tar, "bin/busybox", busybox, 0o755)
        for applet in _APPLETS:
            info = tarfile.TarInfo(f"bin/{applet}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
        for name, text in _FILES.items():
            _add(tar, name, text.encode(), 0o644)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


def ensure_image(client: docker.DockerClient) -> bool:
    """Import the image unless the daemon has it; returns whether it was imported."""
    try:
        client.images.get(REFERENCE)
    except docker.errors.ImageNotFound:
        archive = build_archive(find_tool("busybox", package="busybox-static").read_bytes())
        repository, _, tag = REFERENCE.partition(":")
        client.api.import_image_from_data(archive, repository=repository, tag=tag)
        return True
    return False


def put_image_back(socket: Path) -> None:
    """Import the image where an attack has removed it: the next needs it. A dead daemon is its sensor's to report."""
    silent = (docker.errors.DockerException, RequestException, OSError)
    with contextlib.suppress(*silent), docker_client(socket, timeout=10) as client:
        ensure_image(client)


def is_static(path: Path) -> bool:
    """Whether an ELF file has no program interpreter; a dynamic busybox would not start in an empty image."""
    head = path.read_bytes()[:4096]
    return b"/ld-linux" not in head and b"/ld-musl" not in head
