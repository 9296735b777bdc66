"""scan: from a photo of waste to its name, how to dispose of it, and a reward."""
