#!/usr/bin/env python3
"""Write an image of one layer as `docker load` and `ctr images import` read it, to standard output.

Usage: docker_archive.py LAYER.tar CONFIG.json TAG...     (CONFIG: the image's `config` object)
Format: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

import hashlib
import io
import json
import sys
import tarfile

CREATED = "2021-01-13T13:28:09Z"  # fixed: the same content gives the same image


def main() -> None:
    layer, config, *tags = sys.argv[1:]
    with open(layer, "rb") as file:  # noqa: PTH123
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    image = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": CREATED,
            "config": json.loads(config),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": CREATED, "created_by": "livefire scripts/build-node-image"}],
        }
    ).encode()
    name = f"{hashlib.sha256(image).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": tags, "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as out:
        for entry, data in ((name, image), ("manifest.json", manifest)):
            info = tarfile.TarInfo(entry)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
        out.add(layer, "layer.tar")


if __name__ == "__main__":
    main()
