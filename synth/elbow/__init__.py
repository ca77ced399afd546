"""Sustained elbow flexion: muscles of the elbow, how they tire, and people who hold a torque until they cannot."""
