"""The attack is the last command of a script that has a meaning, and nothing but that is replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evasion.script import find_attack

EXEC = 'container=$(docker create #{image} sleep 60)\ndocker start "$container"\ndocker exec "$container" whoami\n'


@pytest.mark.parametrize(
    ("script", "replaced"),
    [
        ("docker run image id", "X"),
        ("docker run image id\n", "X\n"),
        (EXEC, EXEC.replace('docker exec "$container" whoami', "X")),
        ("  docker run \\\n    --rm image id\necho done\n", "  X\necho done\n"),
        ("docker run image first\ndocker run image id\n", "docker run image first\nX\n"),
        ("# don't\ndocker run image id\n# docker run it\n", "# don't\nX\n# docker run it\n"),
        ("echo 'a\nb'\ndocker run image id\ndocker ps | cat\n", "echo 'a\nb'\nX\ndocker ps | cat\n"),
    ],
)
def test_the_attack_is_replaced(script: str, replaced: str) -> None:
    """Setting up and what comes after stay as they are."""
    attack = find_attack(script)
    assert attack is not None
    assert attack.replaced_by("X") == replaced


@pytest.mark.parametrize(
    "script",
    [
        "",
        "echo docker",
        "docker run image id | cat",
        "docker run image id\ncreated=$(docker create --privileged image)\n",  # which of them is the attack?
        "docker run image id\nkubectl --context x get secrets\n",
        "cat <<END\ndocker run image id\nEND\n",
        "docker run image 'id\n",
    ],
)
def test_no_attack_is_found_where_that_is_not_certain(script: str) -> None:
    """Rather none than a wrong one."""
    assert find_attack(script) is None


@given(st.text(" \t\n'\"\\#$(){};|&<>=dockerunimg"))
def test_any_script_has_an_attack_or_none(script: str) -> None:
    """Never an error; what is found can be put back."""
    attack = find_attack(f"{script}\ndocker run image id\n{script}")
    if attack:
        assert attack.before.startswith(script[:1])
        assert len(attack.replaced_by("")) < len(script) * 2 + len("\ndocker run image id\n") + 1
