"""The schema's history, for Alembic. `stagepass.store.migrate` runs it."""
