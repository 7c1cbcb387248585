"""Mutation testing of a rule: which of its parts does no test need?"""

from harness.study.mutation.bench import MutantResult
from harness.study.mutation.operators import Mutation, mutations
from harness.study.mutation.score import MutationReport, mutate

__all__ = ["MutantResult", "Mutation", "MutationReport", "mutate", "mutations"]
