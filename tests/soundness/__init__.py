"""Attacks on the judge itself: what a verdict claims is made false, and the verdict must say so."""
