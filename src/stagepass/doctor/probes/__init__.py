"""The probes, one file per part of an installation. Each looks, changes nothing, and ends within its deadline."""
