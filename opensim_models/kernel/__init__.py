"""Compiled kernels: the mechanics of `multibody` and the marker fit of `marker_least_squares`, millions of times."""
