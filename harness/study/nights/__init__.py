"""Results of several nights side by side."""
