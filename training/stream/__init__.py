"""Streaming: a trained network that reads one frame and says one frame, without PyTorch."""
