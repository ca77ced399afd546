"""Nonlinear programs made of blocks: exact derivatives, collocation, compilation, IPOPT."""
