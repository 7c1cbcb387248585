"""Reading what another version of Livefire wrote: `livefire.recording/N` and `livefire.result/N`.

Within a number, keys are only added, each with a default, and only where a reader that ignores them claims no more than
it should. So older documents stay readable, and unknown keys of newer documents are ignored. Any other change raises
the number, and a document with a higher number is refused.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness import __version__

_Model = TypeVar("_Model", bound=BaseModel)


def foreign(document: object, schema: str) -> tuple[str, str]:
    """Why a document is not of this schema, and what to do about it; both empty where it is."""
    named = document.get("schema") if isinstance(document, dict) else None
    if named == schema:
        return "", ""
    kind, _, number = schema.rpartition("/")
    newer = re.fullmatch(re.escape(kind) + r"/([1-9][0-9]{0,8})", named) if isinstance(named, str) else None
    if newer and int(newer[1]) > int(number):
        by = document.get("versions") if isinstance(document, dict) else None
        maker = f" {by['livefire']}" if isinstance(by, dict) and isinstance(by.get("livefire"), str) else ""
        return (
            f"a newer Livefire{maker} has written it: it is {named}, and Livefire {__version__} reads {schema}",
            "Update Livefire, or use the version that wrote it.",
        )
    stated = f"its schema is {json.dumps(named)}" if named else "it names no schema"
    return f"not a {kind.rpartition('.')[2]} ({schema}): {stated}", ""


def validate(model: type[_Model], document: Any) -> _Model:
    """The document as a model; unknown keys are ignored. Raises ValidationError."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        unknown = [mistake["loc"] for mistake in error.errors() if mistake["type"] == "extra_forbidden"]
        if not unknown:
            raise
    known = copy.deepcopy(document)
    for *path, key in unknown:
        place = known
        for step in path:
            place = place[step]
        del place[key]
    return model.model_validate(known)
