"""Nothing that Livefire prints or writes acts on a terminal or in a log of CI, whatever it quotes."""

from __future__ import annotations

import ast
import json
import shutil
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.cli.outputs import Outputs
from harness.errors import LivefireError, Position
from harness.files.expectation_file import load_expectations
from harness.judge.prove import prove
from harness.judge.rule_proof import settled
from harness.model.result import Ambiguous, Background, Result, Unjudged
from harness.recording import open_recording
from tests.conftest import PROJECT, main_job_rule
from tests.unit.cli.spoken import UNSAFE, acts, read, said

HOSTILE = "\x1b]0;t\x07\r\n::error::ZZZ\n  ::set-output\u2028##[error]\u202e\x9b31m\x85\ufeff\t\x7f"
BROKEN = "\\x3a:error"  # how a line begins that a line feed of it made
PARTS = ["\x1b]0;t\x07", "\r", "\n", "\n::error::x", "::", " ", "##[", "##vso[", "\u202e", "\u2066", "\x9b", "\u2028"]
texts = st.lists(st.sampled_from(PARTS) | st.text(max_size=4), max_size=6).map("".join)
names = texts.map(lambda text: text.replace("/", "").replace("\x00", "")[:60]).filter(
    lambda name: name not in ("", ".", "..") and not name.startswith(("-", "."))
)


def before(text: str) -> str:
    """Made hostile in front."""
    return f"{HOSTILE}{text}"


def after(text: str) -> str:
    """Made hostile behind."""
    return f"{text}{HOSTILE}"


_FREE = ("flags", "rules", "recall", "recall_split", "tuning", "row", "values", "rows")


def poisoned(value: Any, poison: Callable[[str], str], key: str = "") -> Any:
    """A JSON document with each text made hostile, keys of free mappings too; what is one of few words stays."""
    if isinstance(value, dict):
        free = key in (
            "flags",
            "alerts",
            "rules",
            "recall",
            "recall_split",
            "benign",
            "tuning",
            "row",
            "values",
            "rows",
        )
        return {
            (poison(name) if free and key != "alerts" else name): poisoned(each, poison, name)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [poisoned(each, poison, key) for each in value]
    words = ("schema", "verdict", "equivalence", "kind", "started", "finished", "detonated", "run_id", "tables_from")
    if not isinstance(value, str) or key in words:
        return value
    return poison(value).replace("\n", "") if key in ("command", "query") else poison(value)  # these have lines


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A result, as JSON, that has something in every part of it: variants, benign runs, a silent rule, unmet flags."""
    folder = tmp_path_factory.mktemp("rules")
    atomics = ["T1059.013/kubectl-secrets-enumeration", "T1059.013/docker-exec", "T1059.013/engineer-looks-around"]
    expectations = main_job_rule(folder, atomics=atomics)
    rule = expectations.with_name("container-cli-api.yaml")
    rule.write_text(rule.read_text().replace('"docker exec",', '"docker none",'))
    recording = open_recording(PROJECT / "tests/recordings/whole-technique")
    found = settled([prove(recording, load_expectations(expectations))])[0]
    kinds = ("skip", "rule", "atomic", "expectation")
    unjudged = [Unjudged(kind=kind, name="a", rule="b", reason="c", at="d") for kind in kinds]
    alert = next(alert for each in found.results for alert in each.alerts)
    update = {
        "unjudged": unjudged,
        "background": Background(rows={"Auditd_CL": 1}, alerts={"container-cli-api": [alert]}),
        "ambiguous": Ambiguous(rows={"Auditd_CL": 1}, alerts={"container-cli-api": [alert]}),
        "tables": "they are of another version",
    }
    document: dict[str, Any] = json.loads(found.model_copy(update=update).model_dump_json(by_alias=True))
    assert all(document[part] for part in ("recall", "benign", "flags", "tuning", "proofs", "rules")), document.keys()
    assert {"RULE_SILENT", "PROVEN"} < document["summary"].keys()
    return document


def put(folder: Path, name: str, document: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def broken(text: str) -> list[str]:
    """The lines of a text that a line feed in what it quotes has made, and those that act."""
    return acts(text) + [line for line in text.split("\n") if line.lstrip().startswith(BROKEN)]


def test_each_text_of_a_result_is_safe_in_every_report(whole: dict[str, Any], tmp_path: Path) -> None:
    results = [Result.model_validate(poisoned(whole, poison)) for poison in (before, after)]
    files = {name: tmp_path / name for name in ("junit", "html", "navigator", "markdown")}
    outputs = Outputs(str(tmp_path / "json"), matrix=True, **files)

    def report() -> int:
        with pytest.raises(SystemExit) as end:
            outputs.report(results, require_all=True)
        return int(str(end.value.code))

    code, text = said(call=report)
    assert code == 1
    assert len(text) > 10_000
    assert broken(text) == []
    for name in ("junit", "navigator", "markdown", "json"):
        assert broken(read(tmp_path / name)) == [], name
    assert not UNSAFE.search(read(files["html"]))
    assert json.loads(read(tmp_path / "json"))[0]["rules"] == poisoned(whole, before)["rules"]
    ET.parse(files["junit"])


def test_each_text_of_a_written_result_is_safe_where_it_is_read_again(whole: dict[str, Any], tmp_path: Path) -> None:
    other = json.loads(json.dumps(whole).replace("PROVEN", "WRONG_FLAGS").replace("has_any", "has_all"))
    for day, document in (("a", whole), ("b", other)):
        put(tmp_path, f"{day}.json", poisoned(document, after) | {"copy_of": ""})
    code, text = said("diff", tmp_path / "a.json", tmp_path / "b.json", "--json", "-", "--markdown", tmp_path / "d.md")
    assert code in (0, 1)
    assert len(text) > 10_000
    assert broken(text) == broken(read(tmp_path / "d.md")) == []
    code, text = said("history", tmp_path, "--html", tmp_path / "h.html")
    assert code == 0, text
    assert broken(text) == []
    assert not UNSAFE.search(read(tmp_path / "h.html"))


def test_only_one_place_makes_consoles() -> None:
    """rich's own would print anything."""
    makers = []
    for path in (PROJECT / "harness").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Console":
                makers.append(path)
    assert makers == []


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for each example to fill anew."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def emptied(place: Path) -> Path:
    for old in place.iterdir():
        shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    return place


@given(name=names, ending=st.sampled_from([".yaml", ".expect.yaml", ".expect.yml"]), text=texts)
def test_an_error_in_a_file_of_rules_is_safe(place: Path, name: str, ending: str, text: str) -> None:
    """Its name, and what PyYAML, the model or a hint quotes of it."""
    folder = emptied(place)
    path = folder / f"{name}{ending}"
    quoted = json.dumps(text)
    path.write_text(f"expectations:\n- atomic: {quoted}\n  {quoted}: [\n", encoding="utf-8")
    for content in (None, f"{{query: {quoted}, id: {quoted}, {quoted}: 1}}", f"{{expectations: [{{{quoted}: 1}}]}}"):
        if content is not None:
            path.write_text(content, encoding="utf-8")
        for command in (["lint", folder], ["prove", "nowhere", "--expectations", folder]):
            code, told = said(*command)
            assert code == 2
            assert broken(told) == []


@given(text=texts, name=names)
def test_an_argument_is_safe_where_it_is_quoted(place: Path, text: str, name: str) -> None:
    folder = emptied(place)
    (folder / name).mkdir()
    for command in (
        ["prove", folder / name],
        ["history", folder / name],
        ["diff", f"x{text}", text],
        ["lint", f"--x{text}"],
        [f"x{text}"],
        ["capture", "-o", folder / "r", "--cluster", f"x{text}", "--dry-run"],
        ["prove", folder, "--json", f"{folder / name}/{text}/"],
    ):
        if not any("\x00" in str(word) for word in command):
            code, told = said(*command)
            assert code in (2, 5)
            assert acts(told) == []


@given(text=texts)
def test_an_error_in_a_document_is_safe(place: Path, text: str) -> None:
    path = emptied(place) / "result.json"
    for document in (
        {"schema": text},
        {"schema": "livefire.result/1", text: text},
        {"schema": f"livefire.result/{text}"},
    ):
        path.write_text(json.dumps(document))
        code, told = said("report", path, "--html", place / "r.html")
        assert code == 2
        assert broken(told) == []
    manifest = place / "recording"
    (manifest / "raw").mkdir(parents=True)
    (manifest / "tables").mkdir()
    (manifest / "manifest.json").write_text(json.dumps({"schema": text, text: text}))
    (manifest / "seal").write_text(text)
    code, told = said("prove", manifest, "--expectations", PROJECT / "expectations")
    assert code == 2
    assert broken(told) == []


@given(text=texts)
def test_a_fault_of_our_own_is_safe(text: str) -> None:
    def fault() -> int:
        return main._report(ValueError(text))

    code, told = said(call=fault)
    assert code == 70
    assert broken(told) == []


@given(text=texts)
def test_an_error_is_a_line_and_its_further_lines(text: str) -> None:
    error = LivefireError(text, at=Position(Path(text.replace("\x00", "") or "x"), 1, 2), hint=text or "x", more=[text])
    first, *below = str(error).split("\n")
    assert len(below) == 2
    assert all(line.startswith("  ") for line in below)
    assert acts(str(error)) == []
    assert first
