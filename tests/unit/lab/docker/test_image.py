"""The image: the same bytes each time, and nothing in it but busybox."""

import io
import tarfile

from harness.lab.docker.image import build_archive


def test_the_archive_is_reproducible_and_complete() -> None:
    archive = build_archive(b"\x7fELF")
    assert archive == build_archive(b"\x7fELF")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = set(tar.getnames())
        assert {"bin/busybox", "bin/sh", "bin/whoami", "bin/id", "etc/passwd"} <= names
        assert all(m.linkname == "busybox" for m in tar.getmembers() if m.issym())
