"""Marker sets of known laboratories, one TOML file each."""
