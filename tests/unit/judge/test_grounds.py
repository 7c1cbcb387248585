"""Whether each word sets its flag alone. Arguments are cut out, and nothing that only looks like one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.files.expectation_file import load_expectations
from harness.files.rule_file import load_rule
from harness.judge.grounds import _variants, _without, check_grounds, lay_grounds
from harness.kql.engine import Row
from harness.kql.workspace import Workspace
from harness.model.expectation import Expectation
from harness.telemetry.schema import RECORD
from tests.conftest import EXPECTATIONS
from tests.unit.judge.texts import rule_text
from tests.unit.kql.workspaces import workspace_of

ENTRY = load_expectations(EXPECTATIONS)[0]


def row(argv: list[str]) -> dict[str, Any]:
    return {"ProcessCommandLine": " ".join(argv), RECORD: "raw/auditd.log:1"}


def lines(argv: list[str], words: list[str]) -> dict[str, str]:
    return {v[RECORD]: v["ProcessCommandLine"] for v in _variants(row(argv), argv, words)}


@pytest.mark.parametrize(
    ("argv", "words", "expected"),
    [
        # the last argument has no blank behind it
        (["docker", "run", "--net=host", "--privileged"], ["--net=host", "--privileged"], "docker run --net=host"),
        # a word within another
        (["docker", "rerun", "run", "-it"], ["-it", "run"], "docker rerun -it"),
        (["docker", "--privileged=no", "--privileged", "x"], ["x", "--privileged"], "docker --privileged=no x"),
        # two arguments that belong together, and the same word in another argument
        (["docker", "-v", "/:/host", "-v", "/:/hostfs", "a"], ["a", "-v /:/host"], "docker -v /:/hostfs a"),
        # blanks within an argument are no border
        (["sh", "-c", "docker run -it x"], ["sh", "run"], "sh -c docker run -it x"),
        # each time that it stands there
        (["docker", "--privileged", "run", "--privileged"], ["run", "--privileged"], "docker run"),
    ],
)
def test_arguments_are_cut(argv: list[str], words: list[str], expected: str) -> None:
    assert lines(argv, words)[words[0]] == expected


def test_a_word_that_is_no_argument_is_no_ground() -> None:
    assert lines(["docker", "rerun", "--privileged=1"], ["run", "--privileged", "rerun"]).keys() == {"rerun"}


def test_the_other_forms_of_the_same_arguments_are_cut_too() -> None:
    argv = ["docker", "run", "--net=host", "--privileged"]
    full = {"CommandLine": " ".join(argv), "Argv": json.dumps(argv), "ProcessCommandLine": "x", RECORD: "r"}
    (found, _) = _variants(full, argv, ["--net=host", "--privileged"])
    assert (found["CommandLine"], json.loads(found["Argv"])) == ("docker run --net=host", argv[:3])


def test_the_shell_around_it_loses_the_same_words() -> None:
    argv = ["docker", "run", "--net=host", "--privileged"]
    (found, _) = _variants(
        row(argv) | {"InitiatingProcessCommandLine": f"bash -c {' '.join(argv)}"}, argv, ["--net=host", "--privileged"]
    )
    assert found["InitiatingProcessCommandLine"].split() == ["bash", "-c", *argv[:3]]


def test_text_that_is_no_command_line_loses_whole_words() -> None:
    (found,) = _variants({"Uri": "rerun run", RECORD: "r"}, None, ["rerun", "run "])[:1]
    assert found["Uri"].split() == ["rerun"]


def test_what_is_no_command_line_stays() -> None:
    (found,) = _variants({"FileName": "docker", "ProcessId": 7, "Folder": None, RECORD: "r"}, ["docker"], ["docker"])
    assert found == {"FileName": "docker", "ProcessId": 7, "Folder": None, RECORD: "docker"}


def test_a_word_of_two_is_cut_whatever_blanks_stand_between_them() -> None:
    texts = {"Message": "-v \t /:/host run -v /:/hosts a/b", RECORD: "r"}
    found = _variants(texts, None, ["run", "-v /:/host", "a.b"])
    assert {each[RECORD]: each["Message"] for each in found} == {
        "run": "run -v /:/hosts a/b",
        "-v /:/host": "-v \t /:/host -v /:/hosts a/b",
    }


QUERY = """
  DeviceProcessEvents
  | where FileName == "docker" and ProcessCommandLine has "run"
  | extend Root = ProcessCommandLine has_any ("--privileged", "--cap-add"), Loud = true
  | project FileName, ProcessCommandLine, Root, Loud
"""
WORDS = ["--privileged", "--cap-add", "--init"]
ARGV = ["docker", "run", "--privileged", "--cap-add", "--init", "a b"]


def expecting(query: str = QUERY, **grounds: list[str]) -> Expectation:
    entry = ENTRY.entry.model_copy(update={"grounds": grounds})
    return replace(ENTRY, rule=ENTRY.rule.with_query(query), entry=entry)


def workspace_with(folder: Path, argv: object = None) -> Workspace:
    """Of the atomic: another process, its own, and what the audit log has of both."""
    line = " ".join(ARGV)
    other = {"FileName": "docker", "ProcessCommandLine": "docker ps", RECORD: "raw/audit.log:1"}
    own = {"FileName": "docker", "ProcessCommandLine": line, RECORD: "raw/audit.log:2"}
    rows: list[tuple[str, Row]] = [("DeviceProcessEvents", other), ("DeviceProcessEvents", own)]
    rows.append(("Auditd_CL", {"Argv": ["docker", "ps"], RECORD: "raw/audit.log:1"}))
    rows.append(("Auditd_CL", {"Argv": argv, RECORD: "raw/audit.log:2"}))
    return workspace_of(folder, {"T1/a": rows})


def grounds_of(expectation: Expectation, workspace: Workspace) -> dict[str, dict[str, bool]]:
    return check_grounds(expectation, workspace, "T1/a", workspace.query(expectation.rule.query, "T1/a"))


def test_a_word_that_sets_its_flag_alone_and_one_that_does_not(tmp_path: Path) -> None:
    found = grounds_of(expecting(Root=WORDS, Loud=["run", "ps"]), workspace_with(tmp_path, ARGV))
    assert found == {
        "Root": {"--privileged": True, "--cap-add": True, "--init": False},
        "Loud": {"run": True, "ps": False},
    }


def test_a_word_without_which_the_rule_does_not_fire_hides_no_other(tmp_path: Path) -> None:
    """With `--privileged` alone, the rule says nothing."""
    query = QUERY + '| where ProcessCommandLine has "--init"'
    assert grounds_of(expecting(query, Root=WORDS[:2]), workspace_with(tmp_path, ARGV)) == {
        "Root": {"--privileged": True, "--cap-add": True}
    }
    grounds = grounds_of(expecting(query, Root=WORDS), workspace_with(tmp_path, ARGV))
    assert grounds["Root"] == dict.fromkeys(WORDS, False)


@pytest.mark.parametrize(
    ("argv", "whole"),
    [
        (ARGV, False),  # an argument with a blank is no two words
        (None, True),  # where it is not known, words of the text are all there is
        ([*ARGV[:5], None], True),  # the kernel cut one of them off
        ({"docker": 1}, True),
    ],
)
def test_words_are_those_of_the_argument_vector_where_that_is_known(tmp_path: Path, argv: object, whole: bool) -> None:
    found = grounds_of(expecting(Loud=["--init", "b"]), workspace_with(tmp_path, argv))
    assert found == {"Loud": {"--init": True, "b": whole}}


def test_a_changed_rule_is_asked_of_the_same_rows(tmp_path: Path) -> None:
    """Whatever row it gives: what is compared is what the rule itself was asked."""
    workspace, expectation = workspace_with(tmp_path, ARGV), expecting(Root=WORDS)
    alerts = workspace.query(QUERY, "T1/a")
    lay_grounds(expectation, workspace, "T1/a", alerts)
    before = workspace.slices()
    kql = 'DeviceProcessEvents | where ProcessCommandLine == "docker ps" | extend Root = true'
    other = workspace.query(kql, "T1/a")
    changed = replace(expectation, rule=expectation.rule.with_query(QUERY.replace('"--privileged", ', "")))
    found = check_grounds(changed, workspace, "T1/a", other)
    assert found == {"Root": {"--privileged": False, "--cap-add": True, "--init": False}}
    assert workspace.slices() == before


def test_each_rule_and_each_atomic_has_rows_of_its_own(tmp_path: Path) -> None:
    workspace, expectation = workspace_with(tmp_path, ARGV), expecting(Root=WORDS)
    alerts = workspace.query(QUERY, "T1/a")
    for name, slice_ in (("a", "T1/a"), ("b", "T1/a"), ("a", "T1/b")):
        path = tmp_path / f"{name}.yaml"
        path.write_text(rule_text(QUERY))
        lay_grounds(replace(expectation, rule=load_rule(path)), workspace, slice_, alerts)
    assert len(workspace.slices()) == 4


def test_where_it_is_not_known_what_an_alert_came_from_no_word_is_enough(tmp_path: Path) -> None:
    query = "DeviceProcessEvents | where FileName == 'docker' | summarize Count = count() | extend Root = Count > 0"
    assert grounds_of(expecting(query, Root=WORDS), workspace_with(tmp_path, ARGV)) == {
        "Root": dict.fromkeys(WORDS, False)
    }


def workspace_of_processes(folder: Path, *vectors: list[str]) -> Workspace:
    rows: list[tuple[str, Row]] = []
    for number, argv in enumerate(vectors):
        where = {RECORD: f"raw/audit.log:{number}"}
        rows.append(("DeviceProcessEvents", {"FileName": "docker", "ProcessCommandLine": " ".join(argv)} | where))
        rows.append(("Auditd_CL", {"Argv": argv} | where))
    return workspace_of(folder, {"T1/a": rows})


SHELL = ["docker", "-c", "docker run --privileged --cap-add"]


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        # in the first row they are words of one argument
        ([SHELL, ARGV[:5]], {"--privileged": True, "--cap-add": True}),
        ([ARGV[:5], SHELL], {"--privileged": True, "--cap-add": True}),
        # each stands in a row of its own
        (
            [["docker", "run", "--privileged"], ["docker", "run", "--cap-add"]],
            {"--privileged": True, "--cap-add": True},
        ),
        # where a word stands in several rows, it must be enough in each
        ([ARGV[:5], ["docker", "run", "--quiet", "--cap-add", "--privileged"]], {"--privileged": True}),
        ([SHELL], {"--privileged": False, "--cap-add": False}),
    ],
)
def test_each_row_in_which_a_word_stands_is_tried(
    tmp_path: Path, vectors: list[list[str]], expected: dict[str, bool]
) -> None:
    found = grounds_of(expecting(Root=["--privileged", "--cap-add"]), workspace_of_processes(tmp_path, *vectors))
    assert expected.items() <= found["Root"].items()


def test_a_word_that_is_enough_in_one_row_and_not_in_another_is_not_enough(tmp_path: Path) -> None:
    """In a loud command the rule looks at one of the words alone."""
    query = """
      DeviceProcessEvents
      | where ProcessCommandLine has "run"
      | extend Root = ProcessCommandLine has "--privileged"
          or (ProcessCommandLine has "--cap-add" and ProcessCommandLine !has "loud")
      | project FileName, ProcessCommandLine, Root
    """
    both = ["--privileged", "--cap-add"]
    quiet, loud = ["docker", "run", *both], ["docker", "run", *both, "loud"]
    for order in ([quiet, loud], [loud, quiet]):
        found = grounds_of(expecting(query, Root=both), workspace_of_processes(tmp_path, *order))
        assert found == {"Root": {"--privileged": True, "--cap-add": False}}


def test_a_row_that_should_not_have_the_flag_is_not_asked(tmp_path: Path) -> None:
    """Two rows are expected, and one without the flag: there the word is known not to be enough."""
    query = QUERY + '| extend Root = Root and ProcessCommandLine !has "rootless"'
    both = ["--privileged", "--cap-add"]
    other = ["docker", "run", *both, "rootless"]
    found = grounds_of(expecting(query, Root=both), workspace_of_processes(tmp_path, other, ["docker", "run", *both]))
    assert found == {"Root": dict.fromkeys(both, True)}


words = st.sampled_from(["a", "b", "ab", "a b"])


@given(st.lists(words), st.lists(words, min_size=1, max_size=2))
def test_nothing_else_is_cut(argv: list[str], cut: list[str]) -> None:
    left = _without(argv, [word.split() for word in cut])
    assert [each for each in argv if each not in {w for word in cut for w in word.split()}] == [
        each for each in left if each not in {w for word in cut for w in word.split()}
    ]
    assert _without(left, []) == left
