"""The tables. Times are milliseconds since the epoch; JSON is kept as text, byte for byte.

Hot indexes cover only rows that are alive, where the database can do that (SQLite, PostgreSQL), so
that no look at what is ready grows with history.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, String, Table, Text, UniqueConstraint, text

from stagepass.store.operator_tables import audit as audit
from stagepass.store.operator_tables import bulk_operations as bulk_operations
from stagepass.store.operator_tables import job_tags as job_tags
from stagepass.store.operator_tables import pauses as pauses
from stagepass.store.operator_tables import processes as processes
from stagepass.store.operator_tables import runtime_limits as runtime_limits
from stagepass.store.schema import MYSQL, READY, counter, id_column, long_text, where
from stagepass.store.schema import metadata as metadata

jobs = Table(
    "jobs",
    metadata,
    id_column("id", primary_key=True),
    Column("pipeline", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("idempotency_key", String(200)),
    Column("body_hash", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("input", long_text(), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("tally", Text, nullable=False),
    Column("stepwise", Boolean, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("parent", String(100)),
    Column("keeps_orders", Boolean),
    Column("across", Boolean),
    Column("traceparent", String(55)),
    Column("ending", String(12)),
    UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_key"),
    Index("ix_jobs_owner", "owner", "id"),
    Index("ix_jobs_finished", "pipeline", "finished_at"),
    Index("ix_jobs_children", "finished_at", "parent", **where("parent IS NOT NULL AND finished_at IS NULL")),
    **MYSQL,
)

stage_runs = Table(
    "stage_runs",
    metadata,
    id_column("id", 100, primary_key=True),
    id_column("job_id", nullable=False),
    Column("pipeline", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("stage", String(40), nullable=False),
    Column("item", Integer),
    Column("queue", String(81), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("token", String(32)),
    Column("worker", String(40)),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("attempt_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("item_input", long_text()),
    Column("output", long_text()),
    Column("error", Text),
    Column("scratch", Text, nullable=False),
    Column("progress", Double, nullable=False),
    Column("message", String(500)),
    Column("error_code", String(60)),
    Column("blocked_by", String(60)),
    Column("counted", Boolean),
    Column("urgency", Integer, server_default="0"),
    Index("ix_stage_runs_job", "job_id", "stage"),
    Index(
        "ix_stage_runs_next",
        "queue",
        "state",
        text("priority DESC"),
        "turn",
        text("urgency DESC"),
        "due_at",
        **READY,
    ),
    Index("ix_stage_runs_line", "queue", "state", "priority", "owner", "urgency", "turn", **READY),
    Index("ix_stage_runs_due", "state", "due_at", **where("state IN ('waiting', 'retrying', 'parked')")),
    Index("ix_stage_runs_blocked", "blocked_by", "due_at", **where("blocked_by IS NOT NULL")),
    Index("ix_stage_runs_worker", "worker", "state", **where("state = 'running'")),
    Index("ix_stage_runs_stopped", "state", "id", **where("state IN ('failed', 'held')")),
    **MYSQL,
)

events = Table(
    "events",
    metadata,
    id_column("job_id", primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("type", String(24), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("stage", String(40)),
    Column("item", Integer),
    Column("data", Text, nullable=False),
    **MYSQL,
)

attempts = Table(
    "attempts",
    metadata,
    counter("id"),
    id_column("run_id", 100, nullable=False),
    id_column("job_id", nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker", String(40), nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("error", Text),
    Index("ix_attempts_job", "job_id", "run_id"),
    **MYSQL,
)

memos = Table(
    "memos",
    metadata,
    id_column("run_id", 100, primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("value", long_text()),
    Column("made_at", BigInteger, nullable=False),
    Column("free", Boolean),
    **MYSQL,
)

messages = Table(
    "messages",
    metadata,
    counter("id"),
    id_column("job_id", nullable=False),
    Column("name", String(80), nullable=False),
    Column("message_key", String(200)),
    Column("payload", long_text(), nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    id_column("taken_by", 100),
    Index("ix_messages_job", "job_id", "name", "taken_by"),
    Index("ux_messages_key", "job_id", "message_key", unique=True),
    **MYSQL,
)
"""Messages sent to a job; the stage run that takes one marks its row, in the transaction that ends the wait."""

spends = Table(
    "spends",
    metadata,
    counter("id"),
    id_column("run_id", 100, nullable=False),
    id_column("job_id", nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("provider", String(60), nullable=False),
    Column("model", String(100), nullable=False),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("usd", Double, nullable=False),
    Column("at", BigInteger, nullable=False),
    # what follows may be NULL: rows of before have none of it, and so have those of old code in a release
    Column("queue", String(81)),
    Column("spend_key", String(100)),
    Column("memo", String(80)),
    Column("given_up", Boolean),
    Index("ix_spends_job", "job_id"),
    Index("ix_spends_queue", "queue", "at"),
    Index("ux_spends_key", "run_id", "spend_key", unique=True),
    **MYSQL,
)

workers = Table(
    "workers",
    metadata,
    id_column("id", primary_key=True),
    Column("host", String(120), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("queues", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    Column("clock_off", BigInteger),
    Column("lock_key", BigInteger),
    **MYSQL,
)

notices = Table(
    "notices",
    metadata,
    counter("id"),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("subject", String(200), nullable=False),
    Index("ix_notices_at", "at"),
    **MYSQL,
)
"""Facts for alerts that leave no other trace: lost workers."""

alerts = Table(
    "alerts",
    metadata,
    Column("until", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(12), nullable=False),
    Column("facts", Text, nullable=False),
    **MYSQL,
)
"""One row per window with something to report; the relay that inserts it sends the message."""

api_metrics = Table(
    "api_metrics",
    metadata,
    counter("id"),
    Column("at", BigInteger, nullable=False),
    Column("endpoint", String(100), nullable=False),
    Column("method", String(10), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("client_ip", String(45), nullable=False),
    Column("response_ms", Integer, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", String(60)),
    id_column("job_id"),
    Column("model_ms", Integer),
    Column("tokens", Integer),
    Column("owner", String(200), nullable=False, server_default=""),
    Index("ix_api_metrics_at", "at"),
    Index("ix_api_metrics_session", "session_id"),
    Index("ix_api_metrics_job", "job_id"),
    Index("ix_api_metrics_owner", "owner", "session_id"),
    **MYSQL,
)
"""Calls of routes that are measured, such as those of `resume`; never what was in them."""

files = Table(
    "files",
    metadata,
    Column("uri", String(300), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("type", String(100), nullable=False),
    Column("name", String(300), nullable=False),
    id_column("job_id"),
    id_column("run_id", 100),
    Column("owner", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_files_job", "job_id"),
    Index("ix_files_owner", "owner"),
    **MYSQL,
)

doomed_files = Table(
    "doomed_files",
    metadata,
    Column("uri", String(300), primary_key=True),
    Column("after", BigInteger, nullable=False),
    Column("owner", String(200), nullable=False),
    Index("ix_doomed_files_after", "after"),
    Index("ix_doomed_files_owner", "owner"),
    **MYSQL,
)
"""Files that no row references any more, or that are not claimed in time: deleted after that time."""

schedules = Table(
    "schedules",
    metadata,
    Column("name", String(90), primary_key=True),
    Column("timing", String(200), nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("last_at", BigInteger),
    id_column("last_job"),
    Column("version", Integer),
    Column("declared_at", BigInteger),
    **MYSQL,
)
