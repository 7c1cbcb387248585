"""What would kill a live mutant, in one sentence."""

from __future__ import annotations

from harness.study.mutation.operators import Mutation


def suggest(mutation: Mutation) -> str:
    """The test, or the change of the rule, that would kill the mutant."""
    text = " ".join(mutation.before.split()).strip(", ")
    match mutation.operator:
        case "drop-literal":
            return f"an atomic that matches {text}, and no other element of that list"
        case "drop-where":
            return "a benign run that only this condition keeps from firing"
        case "drop-operand" if text.startswith("or ") or text.endswith(" or"):
            return f"an atomic that {text.removeprefix('or ').removesuffix(' or')} alone lets pass"
        case "drop-operand":
            return f"a benign run that {text.removeprefix('and ').removesuffix(' and')} alone keeps from firing"
        case "drop-branch":
            return f"an atomic that only {text} matches, or whose row differs without it"
        case "negate-flag" | "fix-flag":
            return f"an atomic whose expected flag is {'false' if mutation.after == 'true' else 'true'} here"
        case "loosen-terms":
            return "a benign run in which an element of the list is part of a longer word"
        case "change-operator":
            return f"an atomic, or a benign run, on which {text} and {mutation.after} differ"
        case "shrink-window":
            return "a recording in which the attack is older than the shortened window"
        case "widen-window":
            return "a queryPeriod in the rule that is as long as this window"
        case "drop-column":
            return f"an entity mapping or a custom detail that needs {text}, or drop the column"
        case _:
            return "an atomic whose row depends on this literal"
