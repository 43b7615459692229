"""Picture files: their kind and size by the first bytes, reading, lists of them."""
