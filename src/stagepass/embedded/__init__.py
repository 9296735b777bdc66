"""What comes with the package for one machine: a Redis server, and the parent that keeps it all running."""
