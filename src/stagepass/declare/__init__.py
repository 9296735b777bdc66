"""What an author writes, checked when it is declared. Knows nothing of the engine."""
