"""What runs KQL over tables, behind one Protocol."""

from harness.proof.engines.base import Engine, OtherColumns, QueryFailed, Run, Span
from harness.proof.engines.duckdb_engine import DuckDbEngine

__all__ = ["DuckDbEngine", "Engine", "OtherColumns", "QueryFailed", "Run", "Span"]
