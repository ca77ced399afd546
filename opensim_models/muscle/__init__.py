"""Muscle: lengths, moment arms and forces of muscles."""
