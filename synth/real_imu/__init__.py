"""Recordings of real inertial sensors: files, conventions, synchronisation, and what they tell of virtual ones."""
