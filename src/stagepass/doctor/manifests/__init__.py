"""Reads manifests of every kind into one model: the processes, what each runs and is given, and the proxies."""
