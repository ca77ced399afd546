"""Samples that fit in memory: one row a case, learnt from without windows; what recipes train on."""
