"""Variants: other ways to do what an atomic does, with which an adversary may evade a rule."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict


class Variant(BaseModel):
    """Another way to do what the atomic `of` does. `family` is the kind of change, `name` the change itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    family: str
    name: str

    @property
    def id(self) -> str:
        """The id of the atomic that this variant is: `T1059.013/docker-run~management-verbs.container-run`."""
        return f"{self.of}~{self.key}"

    @property
    def key(self) -> str:
        """Its name in an expectation: `FAMILY.NAME`."""
        return f"{self.family}.{self.name}"

    @property
    def held_out(self) -> bool:
        """Whether it belongs to the third that is kept aside while a rule is written; its id alone decides."""
        return hashlib.sha256(self.id.encode()).digest()[0] % 3 == 0
