"""Result: what a user gets of a solved movement."""
