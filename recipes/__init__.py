"""Recipes: the systems of the literature that learn from simulated people, each from its data to its table.

A recipe sequences what the other packages do; nothing but the front door imports it.
"""
