"""`python -m benchmarks.recovery`: how long work stands still after a `kill -9`, here and elsewhere."""
