"""The documents that Livefire reads and writes, and where they lie."""
