"""Marker: what labels mean, and whether they are right."""
