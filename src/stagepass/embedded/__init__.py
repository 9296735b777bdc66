"""Single-machine installation: a Redis server, and the supervisor that keeps everything running."""
