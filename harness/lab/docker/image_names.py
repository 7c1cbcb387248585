"""The names that requests to the Docker daemon give to images (ImageBuild, ImageCreate, ImageTag, ImageCommit)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit


def names_given(method: str, path: str, place: str) -> list[str]:
    """The names that a request gives, with their tags. `place` is the path without version and query."""
    if method != "POST":
        return []
    query = parse_qs(urlsplit(path).query)
    if place == "/build":
        return [tagged(name) for name in query.get("t", [])]
    base = {"/images/create": ("fromImage", "repo"), "/commit": ("repo",)}.get(place)
    if place.startswith("/images/") and place.endswith("/tag"):
        base = ("repo",)
    names = [name for key in base or () for name in query.get(key, [])]
    tag = query.get("tag", [""])[0]
    joint = "@" if tag.startswith("sha256:") else ":"
    return [tagged(f"{name}{joint}{tag}" if tag and not name.rpartition("/")[2].count(":") else name) for name in names]


def tagged(name: str) -> str:
    """A name as the daemon writes it: with `:latest` where it has no tag."""
    name = name.removeprefix("docker.io/").removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"
