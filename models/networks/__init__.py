"""The networks, a file for each family, and what they are made of."""
