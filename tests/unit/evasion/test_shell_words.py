"""Words come out of a command as they were written; what is no simple command has none."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evasion.shell_words import literal, literals, quote, split, variables

plain = st.text("abcXYZ019%@+=:,./_-", min_size=1)
pieces = st.one_of(
    plain,
    st.text('ab \t\n"$`;|&#*?{}()<>~', max_size=6).map(lambda text: f"'{text}'"),
    st.text("ab ';|&#*?(){}<>~\t\n", max_size=6).map(lambda text: f'"{text}"'),
    st.sampled_from(["\\ ", "\\$", "\\'", '\\"', "\\\\", "\\;", '"\\""', '"\\\\"', "#{image}"]),
)
words = (
    st.lists(pieces, min_size=1, max_size=4).map("".join).filter(lambda word: not word.startswith("#") or "{" in word)
)
expanded = st.sampled_from(['"$container"', '"${container}"', '"x$y.z"', '"#{a}$b"'])
blanks = st.sampled_from([" ", "  ", "\t", " \\\n  "])


@given(st.lists(st.one_of(words, expanded), min_size=1), blanks)
def test_words_survive_untouched(given_words: list[str], blank: str) -> None:
    """Joined by any blank and taken apart again."""
    command = ["command", *given_words]
    assert split(blank.join(command)) == command


@given(words)
def test_a_literal_is_what_a_shell_makes_of_the_word(word: str) -> None:
    """The standard library takes quotes away in the same manner."""
    assert shlex.split(word) == [literal(word)]


@given(st.text("ab'\"\\ $`;|&#*?{}()<>~\n=/:", max_size=12))
def test_quoting_is_undone_by_the_shell(text: str) -> None:
    """Whatever stands in the text."""
    assert literal(quote(text)) == text
    assert split(f"echo {quote(text)}") == ["echo", quote(text)]


@given(st.text())
def test_any_text_is_split_or_refused(text: str) -> None:
    """Never an error."""
    found = split(text)
    assert found is None or all(found)


@pytest.mark.parametrize(
    "command",
    [
        "docker ps | cat",
        "docker ps && true",
        "docker ps; true",
        "docker ps &",
        "docker ps >file",
        "docker ps <file",
        "docker ps 2>&1",
        "docker run $(image)",
        'docker run "$(image)"',
        "docker run `image`",
        'docker run "`image`"',
        "docker run $image",
        'docker run "${image:-x}"',
        "docker run *",
        "docker run ~/x",
        "docker {run,x}",
        "docker run x # why",
        "docker run $'x'",
        "docker run 'x",
        'docker run "x',
        "docker run x\\",
        "created=x",
        "created=$(docker create x)",
        "A=b docker run x",
        "docker run x\ndocker run y",
        "",
        "  ",
    ],
)
def test_more_than_a_simple_command_is_refused(command: str) -> None:
    """Rather no words than wrong ones."""
    assert split(command) is None


def test_an_expansion_has_no_literal() -> None:
    """A placeholder has: it is filled in before the shell sees it."""
    assert literal('"$container"') is None
    assert literals(["id", '"$x"']) is None
    assert literal("#{image}") == "#{image}"
    assert quote("#{image}") == "#{image}"
    assert quote('{"Image": "#{image}"}') == '\'{"Image": "#{image}"}\''


def test_variables() -> None:
    """In single quotes there is none; a positional one cannot be handed on."""
    assert variables('docker exec "$container" sh -c \'echo $x\' "${user}$container"') == ["container", "user"]
    assert variables('docker exec "$1" id') is None
