"""Plate: from analog channels to ground reactions of feet."""
