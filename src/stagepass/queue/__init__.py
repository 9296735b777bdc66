"""The broker, used as a doorbell. Sending with Celery is here; receiving is in `worker`."""
