"""Checkpoints, and what any file of weights holds by its content."""
