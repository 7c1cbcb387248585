"""One module per family. Its docstring is the description, `ways(meaning)` yields names and commands."""
