"""Torque of a tiring arm from the activity of its muscles: networks, transfer to other people, baselines."""
