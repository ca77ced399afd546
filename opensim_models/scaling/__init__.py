"""Scaling: a model becomes a person’s."""
