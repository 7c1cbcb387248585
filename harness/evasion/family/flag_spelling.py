"""The same flags spelt in other ways, in another order, or in another place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from harness.evasion.client_options import Option
from harness.evasion.meaning import ContainerExec, Meaning, ResourceRead, Way, text

# By option: each spelling by its name; `{}` is the value.
_SPELLINGS = {
    "rm": {"rm-true": "--rm=true"},
    "privileged": {"privileged-true": "--privileged=true", "privileged-digit": "--privileged=1"},
    "network": {
        "net-space": "--net {}",
        "network-equals": "--network={}",
        "network-space": "--network {}",
        "network-name": "--network name={}",
    },
    "pid": {"pid-space": "--pid {}"},
    "ipc": {"ipc-space": "--ipc {}"},
    "cap-add": {"cap-space": "--cap-add {}", "cap-all": "--cap-add=ALL", "cap-all-space": "--cap-add ALL"},
    "volume": {
        "volume-equals": "--volume={}",
        "volume-space": "--volume {}",
        "volume-short-equals": "-v={}",
        "volume-short-glued": "-v{}",
        "volume-behind-switch": "-iv {}",
    },
    "all-namespaces": {"all-short": "-A", "all-true": "--all-namespaces=true"},
    "namespace": {
        "namespace-equals": "--namespace={}",
        "namespace-space": "--namespace {}",
        "namespace-short-equals": "-n={}",
        "namespace-short-glued": "-n{}",
    },
    "output": {"output-short": "-o {}", "output-short-glued": "-o{}", "output-space": "--output {}"},
}


def ways(meaning: Meaning) -> Iterator[Way]:
    """Each spelling by itself, then all options with a space, then their order and place."""
    for name in dict.fromkeys(option.name for option in meaning.options):
        for way, form in {**_SPELLINGS.get(name, {}), **_capability_forms(meaning, name)}.items():
            spelling = {option: _spell(form, option) for option in meaning.options if option.name == name}
            yield way, text(meaning.words(spelling))
    spaced = {option: _spaced(option) for option in meaning.options}
    yield "all-spaced", text(meaning.words({option: words for option, words in spaced.items() if words}))
    if len(meaning.options) > 1:
        yield "reversed", text(replace(meaning, options=meaning.options[::-1]).words())
    if isinstance(meaning, ResourceRead):
        yield "options-first", text(_options_first(meaning))
    if isinstance(meaning, ContainerExec) and not meaning.options:
        yield "stdin-added", text(replace(meaning, options=(Option("interactive"),)).words())
        yield "user-added", text(replace(meaning, options=(Option("user", "0"),)).words())


def _spell(form: str, option: Option) -> list[str]:
    return [word.replace("{}", option.value) for word in form.split(" ")]


def _spaced(option: Option) -> list[str]:
    """The first of an option's spellings that has a space."""
    forms = [form for form in _SPELLINGS.get(option.name, {}).values() if form.endswith(" {}")]
    return _spell(forms[0], option) if forms else []


def _capability_forms(meaning: Meaning, name: str) -> dict[str, str]:
    """The daemon takes a capability with or without its prefix, in upper or lower case."""
    values = meaning.values(name)
    if name != "cap-add" or any(not re.fullmatch(r"(?!CAP_|ALL)[A-Z_]+", value) for value in values):
        return {}
    if len(values) > 1:
        return {"cap-prefix": "--cap-add=CAP_{}"}
    lower = values[0].lower()
    return {
        "cap-prefix": "--cap-add=CAP_{}",
        "cap-prefix-space": "--cap-add CAP_{}",
        "cap-lower": f"--cap-add={lower}",
        "cap-lower-prefix": f"--cap-add=cap_{lower}",
    }


def _options_first(read: ResourceRead) -> list[str]:
    words = read.words()
    options = words[2 + len(read.target()) :]
    return [*words[:2], *options, *read.target()]
