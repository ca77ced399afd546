"""Gait: a movement that is one cycle of walking, and what walking is like."""
