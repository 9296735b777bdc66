"""Redis: the news on streams, and what all workers must agree on about a provider."""
