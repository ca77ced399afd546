"""Generative models of samples (postures, curves), and what tells made samples from measured ones."""
