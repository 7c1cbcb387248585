"""One module a family. Its docstring is the description, `ways(meaning)` yields names and commands."""
