"""Livefire: detonates container attacks for real and proves that a detection rule fires."""

__version__ = "0.1.0"
