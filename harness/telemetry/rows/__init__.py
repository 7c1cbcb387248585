"""Rows: one module for each source of a table's rows."""
