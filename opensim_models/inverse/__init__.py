"""Inverse: coordinates from markers, forces from motion."""
