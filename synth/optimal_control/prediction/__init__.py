"""Prediction: movements that follow nothing."""
