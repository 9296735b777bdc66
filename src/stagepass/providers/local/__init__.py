"""Providers that are programs of this machine: no key, no network, the same ports as the vendors."""
