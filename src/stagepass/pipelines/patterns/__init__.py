"""patterns: the three ways to compose background work, and the smoke test of an installation."""
