"""Readers: one for each kind of raw file."""
