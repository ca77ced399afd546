"""The thumb in lateral pinch: many virtual people at once, their muscles and wrists, and what force tells."""
