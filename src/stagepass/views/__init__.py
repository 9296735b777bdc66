"""Records as JSON: one serializer, whose answers the API sends and the CLI prints with ``--json``."""
