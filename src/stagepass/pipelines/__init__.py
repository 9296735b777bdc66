"""The built-in pipelines: one folder each, discovered automatically."""
