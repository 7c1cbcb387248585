"""What is cut out of a command line: arguments, and nothing that only looks like one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.proof.grounds import _variants, _without

RECORD = "_Record"


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


words = st.sampled_from(["a", "b", "ab", "a b"])


@given(st.lists(words), st.lists(words, min_size=1, max_size=2))
def test_nothing_else_is_cut(argv: list[str], cut: list[str]) -> None:
    left = _without(argv, [word.split() for word in cut])
    assert [each for each in argv if each not in {w for word in cut for w in word.split()}] == [
        each for each in left if each not in {w for word in cut for w in word.split()}
    ]
    assert _without(left, []) == left
