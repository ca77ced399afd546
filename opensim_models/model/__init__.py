"""Model: a skeleton as plain numbers, from any .osim, and its mechanics."""
