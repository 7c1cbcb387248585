"""The YAML files of one command, each read once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.errors import InvalidInput
from harness.files import yaml_reading
from harness.model.source import YamlSource

Read = Callable[[Path], YamlSource]


class ReadOnce:
    """Reads YAML files and keeps what was read, so that a file that changes while a command runs has one content.

    Called as `load_yaml` is. A file that can't be read is not tried again: the same error is raised.
    """

    def __init__(self) -> None:
        self._known: dict[str, YamlSource | InvalidInput] = {}

    def __call__(self, path: Path) -> YamlSource:
        """The document in a file; its `path` is the given one. Raises InvalidInput with the position."""
        real = os.path.realpath(path)
        if real not in self._known:
            try:
                self._known[real] = yaml_reading.load_yaml(path)
            except InvalidInput as error:
                self._known[real] = error
        known = self._known[real]
        if isinstance(known, InvalidInput):
            raise known
        return known if known.path == path else replace(known, path=path)
