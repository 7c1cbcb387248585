"""Mutation testing of a rule: which of its parts does no test need?"""

from harness.study.mutation.operators import Mutation, mutations
from harness.study.mutation.score import mutate

__all__ = ["Mutation", "mutate", "mutations"]
