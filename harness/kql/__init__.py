"""Engines, which run KQL over tables, behind one Protocol."""
