"""The base of every part of a document that Livefire writes."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a document: it is immutable and allows no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
