"""Corpora train networks, and networks meet the optimal-control baseline on the same trials."""
