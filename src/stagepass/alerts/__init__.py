"""Sends alerts to a chat room: dead letters, held purchases, closed providers, lost workers."""
