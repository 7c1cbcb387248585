"""Finding and selecting atomics and expectations."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from harness.errors import InvalidFiles, NothingSelected
from harness.files.catalog import (
    check_atomics_known,
    check_keys,
    find_atomics,
    find_expectations,
    find_expected,
    select,
)
from harness.model.atomic import Atomic
from tests.conftest import EXPECTATIONS, PROJECT

UPSTREAM = """\
attack_technique: T1609
display_name: Kubernetes Container Administration Command
atomic_tests:
- name: ExecIntoContainer
  auto_generated_guid: d03bfcd3-ed87-49c8-8880-44bb772dea4b
  description: |
    Attackers who have permissions, can run malicious commands.
  supported_platforms:
  - containers
  input_arguments:
    namespace: {description: K8s namespace to use, type: string, default: default}
  dependencies:
  - description: kubectl must be installed
    get_prereq_command: echo "kubectl must be installed manually"
    prereq_command: which kubectl
  executor:
    command: |
      kubectl -n #{namespace} get pods
    cleanup_command: 'true'
    name: bash
    elevation_required: false
"""


def test_an_executor_without_its_command_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "T1609.yaml"
    path.write_text(UPSTREAM.replace("    command: |", "    comand: |"))
    with pytest.raises(InvalidFiles, match=r"T1609.yaml:16:3: .*a bash executor needs a command"):
        find_atomics([path])
    assert [str(each) for each in check_keys([path])] == [
        f"{path}:17:5: unknown key 'comand'\n  Did you mean 'command'?"
    ]


@pytest.fixture
def atomics() -> list[Atomic]:
    return find_atomics([PROJECT / "atomics"])


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        ("T1059.013", None),
        ("t1059", None),
        ("T1059.013/kubectl-secrets-enumeration", 1),
        (str(PROJECT / "atomics"), None),
        (str(PROJECT / "atomics/T1059.013/T1059.013.yaml"), 3),
    ],
)
def test_what_a_selector_means(atomics: list[Atomic], selector: str, count: int | None) -> None:
    assert len(select(atomics, [selector])) == (count or len(atomics))


def test_a_guid_selects_one_in_either_case(atomics: list[Atomic]) -> None:
    assert select(atomics, [atomics[1].guid.upper()]) == [atomics[1]]


def test_no_selector_means_all_and_order_is_the_catalogs(atomics: list[Atomic]) -> None:
    assert select(atomics, []) == atomics
    assert select(atomics, [atomics[2].id, atomics[0].id]) == [atomics[0], atomics[2]]


def test_a_selector_that_means_nothing_is_refused_with_a_hint(atomics: list[Atomic]) -> None:
    with pytest.raises(NothingSelected, match="selects no atomic") as caught:
        select(atomics, ["T1059.013/kubectl-secret-enumeration"])
    assert "Did you mean 'T1059.013/kubectl-secrets-enumeration'?" in str(caught.value)


def test_an_upstream_file_loads_unchanged(tmp_path: Path) -> None:
    (tmp_path / "T1609.yaml").write_text(UPSTREAM)
    assert check_keys([tmp_path]) == []
    (atomic,) = find_atomics([tmp_path])
    assert atomic.id == "T1609/execintocontainer"
    assert atomic.substitute(atomic.executor.command) == "kubectl -n default get pods\n"


def test_a_placeholder_with_a_typo_is_shown_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "T1609.yaml"
    path.write_text(UPSTREAM.replace("#{namespace}", "#{namespcae}"))
    with pytest.raises(InvalidFiles, match=r"T1609.yaml:17:5: '#\{namespcae\}' is not an input argument") as caught:
        find_atomics([tmp_path])
    assert "Did you mean 'namespace'?" in str(caught.value)


def test_all_mistakes_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(UPSTREAM.replace("T1609", "T16"))
    (tmp_path / "b.yaml").write_text(UPSTREAM.replace("name: bash", "name: fish"))
    with pytest.raises(InvalidFiles) as caught:
        find_atomics([tmp_path])
    assert len(caught.value.problems) == 2


def test_an_expectation_of_an_unknown_atomic_is_a_mistake(atomics: list[Atomic]) -> None:
    expectations = find_expectations([EXPECTATIONS])
    assert check_atomics_known(expectations, atomics) == []
    (problem,) = check_atomics_known(expectations, [a for a in atomics if a.name != "Kubectl Secrets Enumeration"])
    assert problem.at is not None
    assert "kubectl-secrets" in EXPECTATIONS.read_text().splitlines()[problem.at.line - 1]


def test_a_rule_without_expectations_is_known_by_its_file(tmp_path: Path) -> None:
    """However its path is written, and not by its name; each file is read once, and other YAML is passed over."""
    rule = EXPECTATIONS.with_name("container-cli-api.yaml")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(rule, tmp_path / name)
    shutil.copy(EXPECTATIONS, tmp_path / "one")
    (tmp_path / "values.yaml").write_text("a: 1")
    found = find_expected([tmp_path / "one" / EXPECTATIONS.name, tmp_path])
    assert [each.path for each in found.rules_without] == [tmp_path / "two" / rule.name]
    assert {each.rule.path for each in found.expectations} == {tmp_path / "one" / rule.name}


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("query: [")
    (tmp_path / "b.expect.yml").write_text("")
    (tmp_path / "c.expect.yaml").symlink_to("nowhere")
    os.mkfifo(tmp_path / "d.expect.yaml")
    with pytest.raises(InvalidFiles) as caught:
        find_expected([tmp_path, tmp_path / "e"])
    assert sorted(each.at.path.name for each in caught.value.problems if each.at) == [
        "a.yaml",
        "b.expect.yml",
        "c.expect.yaml",
        "d.expect.yaml",
        "e",
    ]
