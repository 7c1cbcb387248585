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
        self._documents: dict[str, YamlSource] = {}
        self._errors: dict[Path, InvalidInput] = {}  # by the given path, which an error names

    def __call__(self, path: Path) -> YamlSource:
        """The document in a file; its `path` is the given one. Raises InvalidInput with the position."""
        if path in self._errors:
            raise self._errors[path]
        real = os.path.realpath(path)
        if real not in self._documents:
            try:
                self._documents[real] = yaml_reading.load_yaml(path)
            except InvalidInput as error:
                self._errors[path] = error
                raise
        document = self._documents[real]
        return document if document.path == path else replace(document, path=path)
