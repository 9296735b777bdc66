"""The work of each stage."""
