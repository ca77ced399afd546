"""A laboratory's C3D archive becomes clean trials: labels, units, axes, gaps, plates, events."""
