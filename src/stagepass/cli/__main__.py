"""``python -m stagepass.cli``: the same as ``stagepass``, for children that must use this very interpreter."""

from stagepass.cli.main import app

app()
