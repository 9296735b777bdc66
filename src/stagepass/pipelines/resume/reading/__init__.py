"""Reads a résumé's file: its kind by its content, its text in a process of its own."""
