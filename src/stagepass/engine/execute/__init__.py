"""Runs attempts: slots, leases, and everything that a stage reaches through its context."""
