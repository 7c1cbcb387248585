"""The pages' commands, run one after the other as a reader types them, print what the pages show.

A block that begins with ```console is run: `$ ` is before a command, `…` stands for lines or words that are left out,
such as counts of what is not the page's subject. A block ```yaml PATH is a file that the reader writes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT

BLOCK = re.compile(r"^```(console|yaml \S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [
    page
    for page in sorted(PROJECT.glob("*.md")) + sorted((PROJECT / "docs").rglob("*.md"))
    if "```console\n" in page.read_text(encoding="utf-8")
]


@dataclass(frozen=True)
class Step:
    """A command and what it prints, or, where `path` is given, a file to write."""

    text: str
    printed: str = ""
    path: str = ""


def steps(page: str) -> Iterator[Step]:
    for kind, text in BLOCK.findall(page):
        if kind != "console":
            yield Step(text, path=kind.split()[1])
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            yield Step(*_parted(part))


def _parted(part: str) -> tuple[str, str]:
    """A command, which may have a here-document, and what follows it."""
    first, _, rest = part.partition("\n")
    here = re.search(r"<<'(\w+)'$", first)
    if here is None:
        return first, rest
    document, end, printed = rest.partition(f"\n{here[1]}\n")
    return f"{first}\n{document}{end}", printed


def matches(shown: str, printed: str) -> bool:
    """Whether this is what a page shows, blanks at the ends of lines aside."""
    pattern = ""
    for line in shown.splitlines():
        pattern += r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed.splitlines())) is not None


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a reader has: of a clone what the pages' commands read, and of that what they change in a repository."""
    for name in ("atomics", "expectations", "tests"):
        (tmp_path / name).symlink_to(PROJECT / name)
    shutil.copytree(PROJECT / "examples", tmp_path / "examples")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    for arguments in (["init", "--quiet"], ["add", "examples"], ["commit", "--quiet", "--message=Examples"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, capture_output=True, timeout=60, check=True)
    return tmp_path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_the_commands_of_a_page_print_what_it_shows(page: Path, checkout: Path) -> None:
    environment = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    environment |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "COLUMNS": "80"}
    for step in steps(page.read_text(encoding="utf-8")):
        if step.path:
            (checkout / step.path).write_text(step.text, encoding="utf-8")
            continue
        done = subprocess.run(
            ["bash", "-c", step.text],
            cwd=checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert matches(step.printed, done.stdout), f"$ {step.text}\n{done.stdout}"
        said = re.search(r" exit (\d+)$", done.stdout, re.MULTILINE)
        assert done.returncode == int(said[1] if said else 0), step.text


def test_the_way_in_and_the_tutorial_are_run() -> None:
    names = {page.relative_to(PROJECT).as_posix() for page in PAGES}
    assert {"README.md", "docs/tutorial.md", "docs/coverage.md", "docs/schedule.md"} <= names


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\n…\nd\n", "a  \nb\nc\nd\n", True),
        ("a\n…\n", "a\n", True),
        ("in … s\n", "in 3.2 s\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\nd\n", "a\nb\n", False),
        ("a.c\n", "abc\n", False),
        ("", "a\n", False),
    ],
)
def test_what_is_left_out_may_be_anything_and_nothing_else(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same
