"""Orientations of segments from gyroscopes and a network: the optimisation step three ways, and what follows it."""
