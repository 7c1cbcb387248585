"""The pages: what they name is there, what is generated is up to date, and nothing is left out of a reference."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.model import expectation
from harness.model.verdict import ExitCode, Verdict
from tests.conftest import PROJECT

# The changelog speaks of what was, too.
PAGES = sorted({*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")} - {PROJECT / "CHANGELOG.md"})
REFERENCE = PROJECT / "docs/reference"
SCHEMA = REFERENCE / "expectation.schema.json"
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r"`([^`\n]+)`")
# A path of the repository, a test by its id, or a file's name alone.
FILE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|md|yaml|yml|json|toml)")
FOLDERS = ("harness", "tests", "scripts", "docs", "examples", "expectations", "atomics", ".github", ".ci")
# What is no file of the repository: of a recording, of a lab, of the reader, or of an example.
NOT_OURS = re.compile(
    r"(raw|tables|reports?|recordings?|my-rules|changed|nights)/.*|(manifest|diff|report|history|coprocess)\.\w+"
)
# A folder of one machine, or a host that holds images or packages: an address that is no page to read.
FORBIDDEN = re.compile(r"(?<![\w.}-])/(?:tmp|home|root|work|Users)/|\b(?:registry|ghcr|quay|pypi)\.[a-z]")


def named(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def each_page(pages: list[Path] = PAGES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=named)


@cache
def ours() -> frozenset[str]:
    """Files and folders of the repository."""
    found = [path for folder in FOLDERS for path in (PROJECT / folder).rglob("*")]
    return frozenset(map(named, [*found, *PROJECT.glob("*.*"), *(PROJECT / folder for folder in FOLDERS)]))


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def names_in(text: str) -> Iterator[str]:
    """What stands in backquotes and is a path."""
    for quoted in QUOTED.findall(FENCE.sub("", text)):
        if quoted.split("/")[0] in FOLDERS and "/" in quoted and not re.search(r"[*{… ]|NAME|DIR", quoted):
            yield quoted.split("::")[0]
        elif FILE.fullmatch(quoted) and not re.search(r"NAME|DIR|FILE", quoted) and not NOT_OURS.fullmatch(quoted):
            yield quoted


def test_the_way_in_is_short() -> None:
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
    assert len((PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 60


@each_page()
def test_lines_fit_and_name_no_machine(page: Path) -> None:
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        assert len(line) <= 120, f"{named(page)}:{number}"
        assert not FORBIDDEN.search(line), f"{named(page)}:{number}: {line}"


@each_page()
def test_each_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        assert not target.startswith("/"), target
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{named(page)}: {target}"
        assert not anchor or anchor in anchors(goal), f"{named(page)}: {target}"


@each_page()
def test_each_path_is_there(page: Path) -> None:
    for name in names_in(page.read_text(encoding="utf-8")):
        path = name.rstrip("/")
        found = path in ours() or any(each.endswith(f"/{path}") for each in ours())
        assert found, f"{named(page)}: {name}"


@each_page()
def test_each_test_is_there(page: Path) -> None:
    for path, test in re.findall(r"`(tests/[\w/.]+)::(\w+)`", page.read_text(encoding="utf-8")):
        assert f"def {test}(" in (PROJECT / path).read_text(encoding="utf-8"), f"{named(page)}: {path}::{test}"


def test_each_page_is_reached() -> None:
    """From README, by links."""
    reached, ahead = set[Path](), [PROJECT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        links = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        goals = [(page.parent / link.split("#")[0]).resolve() for link in links if not link.startswith("https://")]
        ahead += [goal for goal in goals if goal.suffix == ".md"]
    assert sorted(map(named, set(PAGES) - reached)) == []


@each_page(sorted(set((PROJECT / "docs/decisions").glob("*.md")) - {PROJECT / "docs/decisions/README.md"}))
def test_a_decision_is_dated_and_short(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert re.fullmatch(r"\*20\d\d-\d\d-\d\d\*", lines[2])
    assert len(lines) <= 60


def test_the_reference_is_up_to_date() -> None:
    command = [str(PROJECT / "scripts/reference"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_verdict_and_exit_code_says_what_to_do() -> None:
    page = (REFERENCE / "verdicts.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `(\w+)`$", page, re.MULTILINE) == [*Verdict]
    for verdict in Verdict:
        section = page.split(f"\n## `{verdict}`\n")[1].split("\n## ")[0]
        assert "**What to do now.**" in section, verdict
    codes = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert [int(code) for code in codes] == [*sorted(ExitCode), 70, 130]


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("The file", "ExpectFile"),
        ("An entry", "Entry"),
        ("An oracle or a signal", "Signal"),
        ("A companion", "Companion"),
        ("Known evasions", "KnownEvasion"),
        ("An exclusion", "Exclusion"),
        ("A skip of variants", "MaySkip"),
    ],
)
def test_each_key_of_an_expectation_is_explained(heading: str, model: str) -> None:
    page = (REFERENCE / "expectations.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    fields = getattr(expectation, model).model_fields
    assert sorted(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == sorted(fields)
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    part = schema if model == "ExpectFile" else schema["$defs"][model]
    assert all(part["properties"][key]["description"] for key in fields)


@pytest.mark.parametrize(
    "path",
    sorted([*PROJECT.glob("expectations/**/*.expect.yaml"), *PROJECT.glob("examples/**/*.expect.yaml")]),
    ids=named,
)
def test_the_schema_takes_what_the_program_takes(path: Path) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    document["expectations"][0]["fire"] = True
    with pytest.raises(jsonschema.ValidationError, match="fire"):
        jsonschema.validate(document, schema)
