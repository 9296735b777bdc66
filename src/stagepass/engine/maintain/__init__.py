"""Loops of which any number may run: promote, rescue, fire schedules, reopen providers, prune."""
