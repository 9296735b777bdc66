"""The worker, as Celery runs it: ``celery -A stagepass.worker worker -Q promo.lyric -P threads -c 4``."""

from stagepass.worker.app import app

__all__ = ["app"]
