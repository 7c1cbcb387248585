"""The same folder of the host at the same place, by `--mount`, or with its path or mode written in another way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.evasion.configuration import Bind, bind
from harness.evasion.meaning import ContainerCreation, Meaning, Way, text

_MOUNTS = {
    "mount-source-target": "--mount type=bind,source={source},target={target}{readonly}",
    "mount-src-dst": "--mount type=bind,src={source},dst={target}{readonly}",
    "mount-equals": "--mount=type=bind,source={source},destination={target}{readonly}",
    "mount-reordered": "--mount target={target},source={source},type=bind{readonly}",
    "mount-quoted": '--mount "type=bind","source={source}","target={target}"{readonly}',
}
_DETOURS = {"double-slash": "/", "dotted": "/.", "up-and-down": "/usr/.."}  # before the path on the host


def ways(meaning: Meaning) -> Iterator[Way]:
    """For a container with folders of the host; all of them are written in the same way."""
    if not isinstance(meaning, ContainerCreation):
        return
    volumes = {option: bind(option.value) for option in meaning.options if option.name == "volume"}
    binds = {option: known for option, known in volumes.items() if known}
    if not binds or len(binds) < len(volumes):
        return

    def written(form: Callable[[Bind], str]) -> str:
        return text(meaning.words({option: [form(known)] for option, known in binds.items()}))

    if all(known.mode in ("", "ro") for known in binds.values()):
        for name, form in _MOUNTS.items():
            yield name, written(lambda known, form=form: _mount(form, known))  # type: ignore[misc]
    if all(not known.mode for known in binds.values()):
        yield "read-write", written(lambda known: f"-v {replace(known, mode='rw')}")
    for name, detour in _DETOURS.items():
        yield name, written(lambda known, detour=detour: f"-v {detour}{known}")  # type: ignore[misc]
    yield "slash-behind-target", written(lambda known: f"-v {replace(known, target=known.target + '/')}")
    yield "quoted", written(lambda known: f'-v "{known.source}":"{known.target}"' + (known.mode and f":{known.mode}"))


def _mount(form: str, known: Bind) -> str:
    return form.format(source=known.source, target=known.target, readonly=",readonly" if known.mode else "")
