"""Tells a chat room what a person should know: dead letters, held purchases, closed providers, lost workers."""
