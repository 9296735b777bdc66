"""Reads a résumé's file: its kind from its content, its text in a separate process."""
