"""What an atomic must do to kill a live mutant, in one sentence."""

from __future__ import annotations

from harness.study.mutation.operators import Mutation


def suggest(mutation: Mutation) -> str:
    """What would kill the mutant."""
    part = " ".join(mutation.before.split()).strip(", ")
    match mutation.operator:
        case "drop-literal":
            return f"an atomic that matches {part}, and no other element of that list"
        case "drop-where":
            return "a benign run that only this condition keeps from firing"
        case "drop-operand" if part.startswith("or ") or part.endswith(" or"):
            return f"an atomic that {part.removeprefix('or ').removesuffix(' or')} alone lets pass"
        case "drop-operand":
            return f"a benign run that {part.removeprefix('and ').removesuffix(' and')} alone keeps from firing"
        case "drop-branch":
            return f"an atomic that only {part} sees, or whose row tells it from the rest"
        case "negate-flag" | "fix-flag":
            return f"an atomic whose expected flag is {'false' if mutation.after == 'true' else 'true'} here"
        case "loosen-terms":
            return "a benign run in which an element of the list is only a part of a longer word"
        case "change-operator":
            return f"an atomic, or a benign run, that {part} and {mutation.after} tell apart"
        case "shrink-window":
            return "a recording in which the attack is older than the shortened window"
        case "widen-window":
            return "a queryPeriod in the rule that is as long as this window"
        case "drop-column":
            return f"an entity mapping or a custom detail that needs {part}, or drop the column"
        case _:
            return "an atomic whose row depends on this literal"
