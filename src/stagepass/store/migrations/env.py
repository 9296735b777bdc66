"""Alembic's way in: it finds the connection, in its transaction and under its lock, in the config's attributes."""

from alembic import context

from stagepass.store.migrate import VERSION_TABLE
from stagepass.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # SQLite can only add columns to a table in place; Alembic copies it for everything else
    render_as_batch=True,
    # SQLite can undo DDL, although Alembic does not count on it
    transactional_ddl=context.config.attributes["connection"].dialect.name != "mysql",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
