"""Samples for training: crops and warps of images with their labels, and the loader that makes batches of them."""
