"""Published networks by name, and their download."""
