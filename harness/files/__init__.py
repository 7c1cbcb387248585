"""The documents that are read and written, and where they lie."""
