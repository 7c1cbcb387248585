"""What each part of a document of ours is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of what is written down: it never changes, and has no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
