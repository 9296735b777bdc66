"""The tables. Times are milliseconds since the epoch; JSON is kept as text, byte for byte.

Hot indexes cover only rows that are alive, where the database can do that (SQLite, PostgreSQL), so
that no look at what is ready grows with history.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.mysql import LONGTEXT

metadata = MetaData()

_MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}
"""Binary collation: owners and keys that differ in case or accents are different."""


def _id(name: str, length: int = 40, **options: Any) -> Column[str]:
    return Column(name, String(length), **options)


def _long() -> Text:
    return Text().with_variant(LONGTEXT(), "mysql", "mariadb")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _counter(name: str) -> Column[int]:
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Column(name, kind, primary_key=True, autoincrement=True)


jobs = Table(
    "jobs",
    metadata,
    _id("id", primary_key=True),
    Column("pipeline", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("idempotency_key", String(200)),
    Column("body_hash", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("input", _long(), nullable=False),
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
    UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_key"),
    Index("ix_jobs_owner", "owner", "id"),
    Index("ix_jobs_finished", "pipeline", "finished_at"),
    Index("ix_jobs_children", "finished_at", "parent", **_where("parent IS NOT NULL AND finished_at IS NULL")),
    **_MYSQL,
)

stage_runs = Table(
    "stage_runs",
    metadata,
    _id("id", 100, primary_key=True),
    _id("job_id", nullable=False),
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
    Column("item_input", _long()),
    Column("output", _long()),
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
        **_where("state = 'ready'"),
    ),
    Index("ix_stage_runs_line", "queue", "state", "priority", "owner", "urgency", "turn", **_where("state = 'ready'")),
    Index("ix_stage_runs_due", "state", "due_at", **_where("state IN ('waiting', 'retrying', 'parked')")),
    Index("ix_stage_runs_blocked", "blocked_by", "due_at", **_where("blocked_by IS NOT NULL")),
    Index("ix_stage_runs_worker", "worker", "state", **_where("state = 'running'")),
    Index("ix_stage_runs_stopped", "state", "id", **_where("state IN ('failed', 'held')")),
    **_MYSQL,
)

events = Table(
    "events",
    metadata,
    _id("job_id", primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("type", String(24), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("stage", String(40)),
    Column("item", Integer),
    Column("data", Text, nullable=False),
    **_MYSQL,
)

attempts = Table(
    "attempts",
    metadata,
    _counter("id"),
    _id("run_id", 100, nullable=False),
    _id("job_id", nullable=False),
    Column("number", Integer, nullable=False),
    Column("worker", String(40), nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("error", Text),
    Index("ix_attempts_job", "job_id", "run_id"),
    **_MYSQL,
)

memos = Table(
    "memos",
    metadata,
    _id("run_id", 100, primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("value", _long()),
    Column("made_at", BigInteger, nullable=False),
    Column("free", Boolean),
    **_MYSQL,
)

messages = Table(
    "messages",
    metadata,
    _counter("id"),
    _id("job_id", nullable=False),
    Column("name", String(80), nullable=False),
    Column("message_key", String(200)),
    Column("payload", _long(), nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    _id("taken_by", 100),
    Index("ix_messages_job", "job_id", "name", "taken_by"),
    Index("ux_messages_key", "job_id", "message_key", unique=True),
    **_MYSQL,
)
"""Messages sent to a job; the stage run that takes one marks its row, in the transaction that ends the wait."""

spends = Table(
    "spends",
    metadata,
    _counter("id"),
    _id("run_id", 100, nullable=False),
    _id("job_id", nullable=False),
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
    **_MYSQL,
)

workers = Table(
    "workers",
    metadata,
    _id("id", primary_key=True),
    Column("host", String(120), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("queues", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    Column("clock_off", BigInteger),
    **_MYSQL,
)

notices = Table(
    "notices",
    metadata,
    _counter("id"),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("subject", String(200), nullable=False),
    Index("ix_notices_at", "at"),
    **_MYSQL,
)
"""Facts for alerts that leave no other trace: lost workers."""

alerts = Table(
    "alerts",
    metadata,
    Column("until", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(12), nullable=False),
    Column("facts", Text, nullable=False),
    **_MYSQL,
)
"""One row per window with something to report; the relay that inserts it sends the message."""

api_metrics = Table(
    "api_metrics",
    metadata,
    _counter("id"),
    Column("at", BigInteger, nullable=False),
    Column("endpoint", String(100), nullable=False),
    Column("method", String(10), nullable=False),
    Column("session_id", String(64), nullable=False),
    Column("client_ip", String(45), nullable=False),
    Column("response_ms", Integer, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", String(60)),
    _id("job_id"),
    Column("model_ms", Integer),
    Column("tokens", Integer),
    Column("owner", String(200), nullable=False, server_default=""),
    Index("ix_api_metrics_at", "at"),
    Index("ix_api_metrics_session", "session_id"),
    Index("ix_api_metrics_job", "job_id"),
    Index("ix_api_metrics_owner", "owner", "session_id"),
    **_MYSQL,
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
    _id("job_id"),
    _id("run_id", 100),
    Column("owner", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_files_job", "job_id"),
    Index("ix_files_owner", "owner"),
    **_MYSQL,
)

doomed_files = Table(
    "doomed_files",
    metadata,
    Column("uri", String(300), primary_key=True),
    Column("after", BigInteger, nullable=False),
    Column("owner", String(200), nullable=False),
    Index("ix_doomed_files_after", "after"),
    Index("ix_doomed_files_owner", "owner"),
    **_MYSQL,
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
    _id("last_job"),
    Column("version", Integer),
    Column("declared_at", BigInteger),
    **_MYSQL,
)
