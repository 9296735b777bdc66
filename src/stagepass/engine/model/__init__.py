"""The engine's records, states and ports."""
