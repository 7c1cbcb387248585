"""Analytic rules, in the schema of Microsoft Sentinel: github.com/Azure/Azure-Sentinel/wiki/Query-Style-Guide."""

from __future__ import annotations

import copy
import hashlib
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from harness.errors import InvalidInput, Position
from harness.model.schedule import Schedule, ScheduleKeys
from harness.model.source import YamlSource


class _FieldMapping(BaseModel):
    """A field of an entity, and the column that it comes from."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    identifier: str = ""
    columnName: str | None = None


class _EntityMapping(BaseModel):
    """An entity of an alert: an account, a host, a process."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entityType: str = ""
    fieldMappings: list[_FieldMapping] = Field(default_factory=list)


class RuleFile(ScheduleKeys):
    """The YAML of a rule. Unknown keys are ignored, since Sentinel adds new ones."""

    id: UUID
    name: str
    description: str
    severity: Literal["Informational", "Low", "Medium", "High"]
    requiredDataConnectors: list[dict[str, Any]] = Field(default_factory=list)
    tactics: list[str]
    relevantTechniques: list[str]
    query: str = Field(min_length=1)
    entityMappings: list[_EntityMapping] = Field(default_factory=list)
    customDetails: dict[str, str] = Field(default_factory=dict, max_length=20)
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")


class Rule:
    """A rule and where it came from. `id` is the file's name without its ending."""

    def __init__(self, parsed: RuleFile, source: YamlSource) -> None:
        self.path = source.path
        self.id = source.path.stem
        self.metadata = parsed
        self.query = parsed.query
        self._source = source

    @property
    def digest(self) -> str:
        """SHA-256 of the query: two rules with one digest give the same alerts on the same telemetry."""
        return hashlib.sha256(self.query.encode()).hexdigest()

    def with_query(self, query: str) -> Rule:
        """The same rule with another query; its positions stay those of this file."""
        changed = copy.copy(self)
        changed.query = query
        return changed

    def schedule(self) -> Schedule:
        """When it runs. Raises InvalidInput for a scheduled rule that lacks its frequency or its period."""
        schedule = Schedule.of(self.metadata)
        if schedule is None:
            hint = "Add queryFrequency and queryPeriod, such as 1h and 1d."
            raise InvalidInput("the rule does not say when it runs", at=self._source.at(()), hint=hint)
        return schedule

    def at_key(self, key: str) -> Position:
        """The position of a key in the file."""
        return self._source.at((key,))

    def columns(self) -> set[str]:
        """The columns that its entity mappings and custom details name."""
        fields = [field for mapping in self.metadata.entityMappings for field in mapping.fieldMappings]
        mapped = {field.columnName for field in fields if field.columnName}
        return mapped | set(self.metadata.customDetails.values())

    def at_mappings(self) -> Position:
        """The position of what names columns: the entity mappings, else the custom details."""
        return self._source.at(("entityMappings",) if self.metadata.entityMappings else ("customDetails",))

    def at(self, line: int, column: int) -> Position:
        """The position in the YAML file of a place in the query (line and column from 1)."""
        return self._source.in_block(("query",), line, column)
