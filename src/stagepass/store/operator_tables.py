"""The tables of an operator's acts: tags, audit, pauses, limits, bulk operations. Times are milliseconds since the epoch."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table

from stagepass.store.schema import MYSQL, counter, id_column, long_text, metadata

job_tags = Table(
    "job_tags",
    metadata,
    id_column("job_id", primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("value", String(200), nullable=False),
    Index("ix_job_tags_value", "name", "value", "job_id"),
    **MYSQL,
)

audit = Table(
    "audit",
    metadata,
    counter("id"),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("role", String(12), nullable=False),
    Column("origin", String(200), nullable=False),
    Column("act", String(40), nullable=False),
    Column("subject", String(250), nullable=False),
    id_column("job_id"),
    Column("owner", String(200)),
    id_column("bulk_id"),
    Column("old_value", long_text()),
    Column("new_value", long_text()),
    Column("why", String(500)),
    Index("ix_audit_at", "at"),
    Index("ix_audit_job", "job_id", "id"),
    Index("ix_audit_owner", "owner", "id"),
    Index("ix_audit_actor", "actor", "id"),
    Index("ix_audit_bulk", "bulk_id", "id"),
    **MYSQL,
)
"""One row per act of a person, written in the act's transaction; `owner` is that of the job it was done to."""

pauses = Table(
    "pauses",
    metadata,
    Column("scope", String(12), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("why", String(500)),
    **MYSQL,
)
"""What no claim takes from: a queue, a pipeline, an owner, everything; and providers that an operator has closed."""

runtime_limits = Table(
    "runtime_limits",
    metadata,
    Column("scope", String(12), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("concurrency", Integer),
    Column("rate", Integer),
    Column("per_ms", BigInteger),
    Column("since", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("why", String(500)),
    **MYSQL,
)
"""Limits that an operator has set, of a provider or of a queue; each replaces the one in the settings."""

bulk_operations = Table(
    "bulk_operations",
    metadata,
    id_column("id", primary_key=True),
    Column("act", String(12), nullable=False),
    Column("selection", long_text(), nullable=False),
    Column("options", long_text(), nullable=False),
    Column("state", String(12), nullable=False),
    Column("total", Integer, nullable=False),
    Column("usd", Double),
    Column("position", String(100)),
    Column("done", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("refusals", long_text(), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("role", String(12), nullable=False),
    Column("origin", String(200), nullable=False),
    Column("why", String(500)),
    Column("holder", String(40)),
    Column("held_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Index("ix_bulk_operations_open", "finished_at", "id"),
    **MYSQL,
)
"""One act on many jobs; `position` is the last id that is done; its `holder` works on it until `held_until`."""

processes = Table(
    "processes",
    metadata,
    id_column("id", primary_key=True),
    Column("role", String(12), nullable=False),
    Column("host", String(120), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    Column("facts", long_text(), nullable=False),
    **MYSQL,
)
"""What each running process says about itself, for the doctor; never a secret."""
