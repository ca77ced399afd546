"""Explanations: which part of its input a network uses, and how well that agrees with a known cause or with experts."""
