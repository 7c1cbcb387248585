"""The proof half: the evidence of an attack, the answer of a rule, and the verdict."""
