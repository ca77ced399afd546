"""Generic: our own models, from published tables."""
