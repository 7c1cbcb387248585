"""A command is understood in all its spellings, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evasion.client_options import EXEC, GET, POD_EXEC, RUN, Grammar, Option
from harness.evasion.meaning import ContainerCreation, ContainerExec, Meaning, PodExec, ResourceRead, understand
from harness.evasion.shell_words import split

word = st.one_of(
    st.from_regex(r"[a-z][a-z0-9./:_-]{0,8}", fullmatch=True),
    st.sampled_from(['"$x"', "#{image}", "'a b'", '"a;b"']),
)
command = st.lists(st.one_of(word, st.sampled_from(["-c", "--rm", "--", "-it"])), max_size=3).map(tuple)
some_command = st.tuples(word).flatmap(lambda head: command.map(lambda rest: (*head, *rest)))


def options(grammar: Grammar, *without: str) -> st.SearchStrategy[tuple[Option, ...]]:
    """Any of a command's options."""
    switches = [st.just(Option(name)) for name in grammar.switches if name not in without]
    valued = [st.builds(Option, st.just(name), word) for name in grammar.valued if name not in ("mount", *without)]
    return st.lists(st.one_of(*switches, *valued), max_size=5).map(tuple)


verbs = st.sampled_from(["run", "create"])
resources = st.sampled_from(["secrets", "configmaps"])
meanings: st.SearchStrategy[Meaning] = st.one_of(
    st.builds(ContainerCreation, options(RUN), verbs, word, command),
    st.builds(ContainerExec, options(EXEC), word, some_command),
    st.builds(ResourceRead, options(GET), resources, st.just("")),
    st.builds(ResourceRead, options(GET, "all-namespaces"), resources, word),
    st.builds(PodExec, options(POD_EXEC), st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True), some_command),
)


@given(meanings)
def test_a_meaning_that_is_written_and_read_is_the_same(meaning: Meaning) -> None:
    """Through the text of the command."""
    words = split(" ".join(meaning.words()))
    assert words is not None
    assert understand(words) == meaning


@given(st.lists(st.one_of(word, st.from_regex(r"--?[a-z=]{0,6}", fullmatch=True)), max_size=6))
def test_any_words_have_a_meaning_or_none(words: list[str]) -> None:
    """Never an error."""
    for start in (["docker"], ["docker", "run"], ["docker", "exec"], ["kubectl", "get"], ["kubectl", "exec"]):
        understand([*start, *words])


def creation(*options: Option, command: tuple[str, ...] = ("id",)) -> ContainerCreation:
    return ContainerCreation(options, "run", "image", command)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("docker run image id", creation()),
        ("docker container run image id", creation()),
        ("docker run image", creation(command=())),
        ("docker run image sh -c 'a b' --rm", creation(command=("sh", "-c", "'a b'", "--rm"))),
        ("docker run --privileged=true --rm=1 image id", creation(Option("privileged"), Option("rm"))),
        ("docker run --network host image id", creation(Option("network", "host"))),
        ("docker run --net=host image id", creation(Option("network", "host"))),
        ("docker run -dit image id", creation(Option("detach"), Option("interactive"), Option("tty"))),
        (
            "docker run -itv /:/host image id",
            creation(Option("interactive"), Option("tty"), Option("volume", "/:/host")),
        ),
        ("docker run -v/:/host image id", creation(Option("volume", "/:/host"))),
        ("docker run -v=/:/host image id", creation(Option("volume", "/:/host"))),
        ("docker run --mount type=bind,src=/,dst=/host image id", creation(Option("volume", "/:/host"))),
        ("docker run --mount=type=bind,source=/a,target=/b,ro image id", creation(Option("volume", "/a:/b:ro"))),
        ("docker exec -u root web id", ContainerExec((Option("user", "root"),), "web", ("id",))),
        ('docker exec "$container" whoami', ContainerExec((), '"$container"', ("whoami",))),
        (
            "kubectl get secrets -A -o name",
            ResourceRead((Option("all-namespaces"), Option("output", "name")), "secrets", ""),
        ),
        ("kubectl get -n web secret/key", ResourceRead((Option("namespace", "web"),), "secrets", "key")),
        ("kubectl get cm -nweb", ResourceRead((Option("namespace", "web"),), "configmaps", "")),
        ("kubectl exec pod/web -n a -- id", PodExec((Option("namespace", "a"),), "web", ("id",))),
    ],
)
def test_what_commands_mean(text: str, meaning: Meaning) -> None:
    """In spellings other than that of `words`."""
    assert understand(split(text) or []) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "docker",
        "docker ps",
        "docker run",
        "docker run --rm",
        "docker run --unknown image",
        "docker run -x image",
        "docker run --privileged=false image",
        "docker run --net",
        'docker run "--privileged" image',
        "docker run --mount type=volume,src=a,dst=/b image",
        "docker run --mount type=bind,src=/a,dst=/b,bind-propagation=rslave image",
        "docker exec container",
        "docker --debug run image",
        "kubectl get pods",
        "kubectl get secrets,cm",
        "kubectl get secrets a b",
        "kubectl get secrets a -A",
        "kubectl get secrets --watch",
        "kubectl get secrets/",
        "kubectl exec web id",
        "kubectl exec web --",
        "kubectl exec deploy/web -- id",
        "podman run image",
    ],
)
def test_what_is_not_understood(text: str) -> None:
    """Rather no meaning than a wrong one."""
    assert understand(split(text) or []) is None
