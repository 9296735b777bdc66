"""Records as JSON: the one serializer of the API and the CLI."""
