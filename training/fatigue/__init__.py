"""Torque of a tiring arm from the activity of its muscles: networks, what is carried over to other people, baselines."""
