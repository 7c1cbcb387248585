"""The second half: what was seen of an attack, what a rule makes of it, and the verdict."""
