"""Several statements in one trip to PostgreSQL, prepared once per connection.

The committing thread's statements are few and always the same. libpq's pipeline mode sends what belongs together at
once, and psycopg's low-level interface leaves out its work per statement and cursor: five statements in one trip cost
a tenth of the CPU of five cursors. What is sent is part of the connection's transaction, which psycopg sees, too.
"""

import itertools
import select
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from sqlalchemy.engine import Connection

from stagepass.engine.model.transaction import Stale
from stagepass.store.prepared import translated_by

Rows = Sequence[tuple[Any, ...]]

_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.NONFATAL_ERROR, ExecStatus.BAD_RESPONSE)
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement, with its parameters as texts."""

    sql: bytes
    parameters: Sequence[bytes | None] = ()


BEGIN, COMMIT = Sent(b"BEGIN"), Sent(b"COMMIT")


class Pipeline:
    """Of one connection; kept with it in its pool."""

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self._pg = driver.pgconn
        self._names: dict[bytes, bytes] = {}
        self._keeps_names = True
        """False behind a pool that gives each transaction another session: there is nothing to be prepared for."""
        self._read = Transformer(driver)

    @classmethod
    def of(cls, connection: Connection) -> "Pipeline":
        """The pipeline of this connection."""
        found: Pipeline | None = connection.info.get("pipeline")
        if found is None:
            driver: Any = connection.connection.driver_connection
            found = connection.info["pipeline"] = cls(driver)
        return found

    def run(self, connection: Connection, statements: Sequence[Sent]) -> list[Rows]:
        """Carry them out in this order, in one trip; the rows of each.

        Raises:
            Stale: a statement divided by zero, as `recordsets.UPDATE_RUNS` does when a row was not as it was read.
        """
        if not statements:
            return []
        with translated_by(connection, statements[-1].sql.decode()):
            try:
                return self._run(statements)
            except psycopg.errors.InvalidSqlStatementName:
                self._keeps_names = False
                raise
            except psycopg.errors.DivisionByZero:
                raise Stale("a stage run was not as it was read") from None

    def forget(self) -> None:
        """A rollback may have dropped what was prepared."""
        self._names.clear()

    def _run(self, statements: Sequence[Sent]) -> list[Rows]:
        pg, made, kinds = self._pg, [], []
        driver: Any = self._driver  # made in `sessions`
        is_sign_of_life = statements[0] is BEGIN and statements[-1] is not COMMIT
        deadline = float(driver.first_deadline if is_sign_of_life else driver.deadline)
        pg.enter_pipeline_mode()
        for statement in statements:
            if not self._keeps_names:
                pg.send_query_params(statement.sql, statement.parameters or None)
                kinds.append(True)
                continue
            name = self._names.get(statement.sql)
            if name is None:
                name = self._names[statement.sql] = b"%.40b %d" % (statement.sql, next(_numbers))
                pg.send_prepare(name, statement.sql)
                made.append(statement.sql)
                kinds.append(False)
            pg.send_query_prepared(name, statement.parameters or None)
            kinds.append(True)
        pg.pipeline_sync()
        results = self._results(deadline)
        pg.exit_pipeline_mode()
        failed = next((result for result in results if result.status in _FAILED), None)
        if failed is not None:
            for sql in made:
                self._names.pop(sql, None)
            raise error_from_result(failed)
        return [self._rows(result) for result, asked in zip(results, kinds, strict=True) if asked]

    def _results(self, deadline: float) -> list[Any]:
        """All results up to the end of the pipeline."""
        pg, results = self._pg, list[Any]()
        until, poll = time.monotonic() + deadline, select.poll()
        unsent = bool(pg.flush())
        poll.register(pg.socket, select.POLLIN | select.POLLOUT if unsent else select.POLLIN)
        while True:
            while not pg.is_busy():
                result = pg.get_result()
                if result is None:
                    continue
                if result.status == ExecStatus.PIPELINE_SYNC:
                    return results
                results.append(result)
            left = until - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                pg.finish()  # an answer that comes later must not be taken for another's
                raise psycopg.OperationalError(f"no answer within {deadline:g} s")
            pg.consume_input()
            if unsent and not pg.flush():
                unsent = False
                poll.modify(pg.socket, select.POLLIN)

    def _rows(self, result: Any) -> Rows:
        if not result.ntuples:
            return ()
        self._read.set_pgresult(result)
        rows: Rows = self._read.load_rows(0, result.ntuples, tuple)
        return rows


def texts(values: Sequence[str]) -> bytes:
    """A parameter of the type ``text[]``."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return text("{" + ",".join(quoted) + "}")


def numbers(values: Sequence[int]) -> bytes:
    """A parameter of the type ``bigint[]``."""
    return b"{%s}" % ",".join(map(str, values)).encode()


def text(value: str) -> bytes:
    """A parameter of the type ``text``."""
    if "\0" in value:
        raise psycopg.DataError("a text has the character NUL")
    return value.encode()
