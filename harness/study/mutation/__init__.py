"""Mutation testing of a rule: which of its parts does no test need?"""
