"""scan: a photo of waste → what it is, how to throw it away, and a reward."""
