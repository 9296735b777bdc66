"""Reads a résumé's text: skills, years, employers, and what was done."""
