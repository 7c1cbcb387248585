"""What the families make of known meanings: other texts, all valid, that say the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from harness.evasion import families, variants
from harness.evasion.meaning import understand
from harness.evasion.script import find_attack
from harness.evasion.shell_words import literal, split
from harness.files.atomic_file import load_atomics
from harness.model.atomic import Atomic
from tests.conftest import PROJECT

SCRIPTS = {
    "run": "docker run --rm --privileged --net=host #{image} id",
    "mounts": "docker run -v /:/host -v /etc:/etc:ro --cap-add=SYS_ADMIN --pid=host #{image} cat /host/x '/host/a b$'",
    "create": "docker create -v /var/run/docker.sock:/var/run/docker.sock #{image}",
    "detached": "docker run -d --name=web #{image} sleep 60",
    "exec": 'container=$(docker create #{image} sleep 60)\ndocker start "$container"\ndocker exec "$container" whoami',
    "secrets": "kubectl get secrets --all-namespaces --output=name",
    "secret": "kubectl get secrets session-key -n web",
    "configmaps": "kubectl get configmaps",
    "pod": "kubectl exec -n web server -- id",
}


def atomic(script: str) -> Atomic:
    """An atomic test whose attack is this script."""
    base = load_atomics(PROJECT / "atomics/T1059.013/T1059.013.yaml")[0]
    test = base.test.model_copy(update={"executor": base.executor.model_copy(update={"command": script})})
    return Atomic("T1059.013/a", base.technique, test, base.source)


def texts(script: str, family: str) -> dict[str, str]:
    """By name, what a family makes of a script."""
    made = [found for found in variants(atomic(script)) if found.variant and found.variant.family == family]
    return {found.variant.name: found.executor.command for found in made if found.variant}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_every_variant_is_valid_bash(script: str, tmp_path: Path) -> None:
    """Once its arguments are filled in. All go into one file, each as a function, since starting bash takes time."""
    commands = [variant.substitute(variant.executor.command) for variant in variants(atomic(script))]
    assert not any("#{" in command for command in commands)
    file = tmp_path / "commands"
    file.write_text("".join(f"way() {{\n{command}\n}}\n" for command in commands))
    checked = subprocess.run(["bash", "-n", file], capture_output=True, text=True, timeout=10)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_every_name_is_a_slug_and_no_two_variants_are_alike(script: str) -> None:
    """Neither by name nor by command, and none is the attack itself."""
    made = variants(atomic(script))
    assert len(made) > 40
    assert len({variant.id for variant in made}) == len(made)
    assert len({variant.executor.command for variant in made} | {script}) == len(made) + 1
    assert all(variant.variant and re.fullmatch(r"[a-z0-9-]+", variant.variant.name) for variant in made)


def test_variants_come_in_the_same_order_each_time() -> None:
    """By family, then as the family yields them."""
    first, second = variants(atomic(SCRIPTS["mounts"])), variants(atomic(SCRIPTS["mounts"]))
    assert [variant.id for variant in first] == [variant.id for variant in second]
    order = [variant.variant.family for variant in first if variant.variant]
    assert order == sorted(order)


def test_every_family_is_described_and_has_a_meaning_to_change() -> None:
    """A family is a module in the folder, so none can be forgotten."""
    found = families()
    assert [family.name for family in found] == sorted(
        path.stem.replace("_", "-") for path in (PROJECT / "harness/evasion/family").glob("[a-z]*.py")
    )
    assert all(family.description.endswith(".") for family in found)
    used = {v.variant.family for script in SCRIPTS.values() for v in variants(atomic(script)) if v.variant}
    assert used == {family.name for family in found}


@pytest.mark.parametrize("script", ["docker ps", "echo", "", "docker run image id | cat"])
def test_what_has_no_known_meaning_has_no_variants(script: str) -> None:
    """Rather none than wrong ones."""
    assert variants(atomic(script)) == []


def test_a_variant_has_no_variants_and_neither_has_another_shell() -> None:
    """The families write bash."""
    base = atomic(SCRIPTS["run"])
    assert variants(variants(base)[0]) == []
    test = base.test.model_copy(update={"executor": base.executor.model_copy(update={"name": "sh"})})
    assert variants(Atomic(base.id, base.technique, test, base.source)) == []


def test_the_interpreter_is_an_argument_of_those_that_need_it() -> None:
    """With a default, so that an atomic can be run by itself."""
    for variant in variants(atomic(SCRIPTS["run"])):
        assert ("python" in variant.arguments()) == ("#{python}" in variant.executor.command)


def test_the_lines_around_the_attack_stay() -> None:
    """Whatever the family."""
    before = SCRIPTS["exec"].rpartition("\n")[0]
    assert all(variant.executor.command.startswith(before) for variant in variants(atomic(SCRIPTS["exec"])))


# These say more than the attack, or the parser does not know them.
_OTHER = {
    *("cap-all", "cap-all-space", "cap-prefix", "cap-prefix-space", "cap-lower", "cap-lower-prefix"),
    *("volume-behind-switch", "network-name", "stdin-added", "user-added", "container-create-debug"),
    *("container-run-debug", "container-exec-debug"),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
@pytest.mark.parametrize("family", ["flag-spelling", "management-verbs"])
def test_another_spelling_is_understood_as_the_same(script: str, family: str) -> None:
    """Whatever the order of the options."""
    attack = find_attack(script)
    assert attack
    for name, command in texts(script, family).items():
        if name in _OTHER:
            continue
        meaning = understand(split(command.rpartition("\n")[2]) or [])
        assert meaning is not None, command
        assert set(meaning.options) == set(attack.meaning.options)
        assert {**vars(meaning), "options": ()} == {**vars(attack.meaning), "options": ()}


# What is between the shell and the tool does not matter here: `docker` prints the words that it is given.
_PRINTING = "docker() { printf '%s\\0' docker \"$@\"; }\nkubectl() { printf '%s\\0' kubectl \"$@\"; }\ncontainer=c7\n"


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_quoting_changes_nothing_that_the_tool_is_given(script: str, tmp_path: Path) -> None:
    """The shell itself takes the quotes away."""

    def given(command: str) -> str:
        filled = _PRINTING + atomic(script).substitute(command)
        return subprocess.run(["bash", "-c", filled], capture_output=True, text=True, cwd=tmp_path, timeout=10).stdout

    made = texts(script, "quoting")
    assert len(made) >= 8
    expected = given(script)
    assert expected.count("\0") > 2
    for name, command in made.items():
        assert given(command) == expected, name


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_every_program_in_python_compiles(script: str, tmp_path: Path) -> None:
    """As the shell hands it over, in an argument or on standard input."""
    printing = 'python3() { [ "$1" = - ] && cat || printf %s "$2"; }\n'
    checked = 0
    for variant in variants(atomic(script)):
        if "#{python}" not in variant.executor.command:
            continue
        attack = variant.executor.command[variant.executor.command.index('"#{python}"') :]
        command = printing + variant.substitute(attack)
        shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path, timeout=10)
        compile(shown.stdout, variant.id, "exec")
        checked += shown.stdout.count("import")
    assert checked


def test_a_token_never_stands_in_a_command_line() -> None:
    """Only a builtin gets to see it: command lines are recorded."""
    for command in texts(SCRIPTS["secrets"], "kubernetes-requests").values():
        for line in re.findall(r".*\$token.*", command):
            assert line.startswith("printf "), line


@pytest.mark.parametrize(
    ("script", "family", "name", "text"),
    [
        ("run", "flag-spelling", "network-space", "docker run --rm --privileged --network host #{image} id"),
        ("run", "flag-spelling", "privileged-true", "docker run --rm --privileged=true --net=host #{image} id"),
        ("run", "flag-spelling", "reversed", "docker run --net=host --privileged --rm #{image} id"),
        ("secrets", "flag-spelling", "all-short", "kubectl get secrets -A --output=name"),
        ("secrets", "flag-spelling", "options-first", "kubectl get --all-namespaces --output=name secrets"),
        ("run", "management-verbs", "container-run", "docker container run --rm --privileged --net=host #{image} id"),
        ("run", "global-options", "debug", "docker --debug run --rm --privileged --net=host #{image} id"),
        ("secret", "global-options", "namespace", "kubectl -n web get secrets session-key"),
        ("secret", "resource-spelling", "singular-slash", "kubectl get secret/session-key -n web"),
        ("secret", "resource-spelling", "raw", "kubectl get --raw /api/v1/namespaces/web/secrets/session-key"),
        ("secrets", "resource-spelling", "raw", "kubectl get --raw /api/v1/secrets"),
        ("pod", "resource-spelling", "pod", "kubectl exec -n web pod/server -- id"),
        ("create", "mount-target", "run", "docker create -v /run/docker.sock:/var/run/docker.sock #{image}"),
        ("create", "mount-target", "parent", "docker create -v /var/run:/mnt #{image}"),
        (
            "mounts",
            "mount-target",
            "mnt",
            "docker run -v /:/mnt -v /etc:/etc:ro --cap-add=SYS_ADMIN --pid=host #{image} cat /mnt/x '/mnt/a b$'",
        ),
        (
            "detached",
            "create-and-start",
            "start",
            'created=$(docker create --name=web #{image} sleep 60)\ndocker start "$created"',
        ),
        ("configmaps", "wrappers", "sh", "sh -c 'kubectl get configmaps'"),
        (
            "configmaps",
            "renamed-binary",
            "copy-renamed",
            'cp "$(command -v kubectl)" "$HOME/updater"\n"$HOME/updater" get configmaps',
        ),
    ],
)
def test_what_a_family_writes(script: str, family: str, name: str, text: str) -> None:
    """One example of each kind, word by word."""
    assert texts(SCRIPTS[script], family)[name] == text


def test_a_mount_says_the_same_as_the_volume() -> None:
    """Read-only stays read-only."""
    made = texts(SCRIPTS["mounts"], "mount-spelling")["mount-source-target"]
    assert "--mount type=bind,source=/,target=/host --mount type=bind,source=/etc,target=/etc,readonly" in made


def test_another_shell_gets_to_know_the_variable() -> None:
    """It knows only what is exported."""
    made = texts(SCRIPTS["exec"], "wrappers")
    assert made["sh"].endswith("export container\nsh -c 'docker exec \"$container\" whoami'")
    assert made["env"].endswith('\nenv docker exec "$container" whoami')


def test_options_without_a_place_in_the_api_have_no_variant_there() -> None:
    """Rather none than one that leaves an option out."""
    script = "docker run --security-opt=seccomp=unconfined #{image} id"
    assert not any(texts(script, family) for family in ("docker-socket", "docker-sdk", "compose"))
    assert texts(script, "wrappers")


def test_a_body_holds_the_whole_configuration() -> None:
    """The one that curl sends."""
    made = texts(SCRIPTS["mounts"], "docker-socket")["curl"]
    body = literal(next(word for word in re.findall(r"--data ('.*?') http", made))) or ""
    for part in (
        '"Image": "#{image}"',
        '"CapAdd": ["SYS_ADMIN"]',
        '"PidMode": "host"',
        '"/:/host", "/etc:/etc:ro"',
        'a b$"',
    ):
        assert part in body
