"""The broker: a doorbell. Everything of Celery that sends lies here; what receives lies in `worker`."""
