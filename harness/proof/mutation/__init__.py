"""Mutation testing of a rule: which of its parts does no test need?"""

from harness.proof.mutation.bench import MutantResult
from harness.proof.mutation.operators import Mutation, mutations
from harness.proof.mutation.score import MutationReport, mutate

__all__ = ["MutantResult", "Mutation", "MutationReport", "mutate", "mutations"]
