"""The thumb in lateral pinch: many virtual people at once, their muscles, wrists, pinch forces, and what forces tell."""
