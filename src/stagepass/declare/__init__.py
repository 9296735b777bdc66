"""Declaration API for pipeline authors, checked at import; independent of the engine."""
