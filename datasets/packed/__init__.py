"""Data sets in one file: MXNet's records, and the training formats of other systems that are converted to them."""
