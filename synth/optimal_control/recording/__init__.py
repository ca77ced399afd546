"""Recording: what a movement needs from files of a trial, and the movement near it."""
