"""Inertial: the movement that explains the records of inertial sensors."""
