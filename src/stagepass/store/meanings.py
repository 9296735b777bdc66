"""The meaning of a database's error: one table for SQLSTATE, MySQL's and SQLite's numbers.

Only an error that is proven to come from our own statement or value counts against it. Everything else,
known or not, means that the store is away: the work is kept and tried again.
"""

import sqlite3
from enum import Enum
from typing import Any


class Meaning(Enum):
    """Reaction to a database error."""

    AGAIN = "another transaction was first, or locks the row: retry"
    TAKEN = "a row with this key is there already"
    VALUE = "the database cannot hold this value"
    BUG = "the statement is wrong, or breaks a rule of the schema: our fault"
    AWAY = "the database cannot answer now: wait, and try again"


_AGAIN, _TAKEN, _VALUE, _BUG, _AWAY = Meaning

SQLSTATE: dict[str, Meaning] = {
    # whole classes first; a full code below goes before its class
    "21": _BUG,  # cardinality violation
    "22": _VALUE,  # data exception: out of range, NUL in a text, not an encoding
    "23": _BUG,  # integrity constraint
    "23505": _TAKEN,  # unique violation
    "40": _AGAIN,  # serialization failure, deadlock, roll-back by the server
    "40003": _AWAY,  # statement completion unknown
    "42601": _BUG,  # syntax error
    "42703": _AWAY,  # undefined column, as a schema that is behind has it
    "42804": _BUG,  # datatype mismatch
    "42846": _BUG,  # cannot coerce
    "42883": _BUG,  # undefined function
    "42P02": _BUG,  # undefined parameter
    "42P18": _BUG,  # indeterminate datatype
    "54": _VALUE,  # program limit exceeded: a key too long for its index
    "55P03": _AGAIN,  # lock not available
}
"""PostgreSQL, by class or full code. Not in here and so away, among others: 08 connection, 0A a plan outlived by a
migration, 25 read-only transaction, 26 a prepared statement that is gone, 28 authorization, 3D no such database,
42501 privileges, 42P01 no such table, 53 disk, memory or connections used up, 55 not in the right state,
57 cancelled or shutting down, 58 system error, F0, HV, P0 a trigger's objection, XX."""

MYSQL: dict[int, Meaning] = {
    **dict.fromkeys((1020, 1205, 1213, 1614, 3058, 3101, 3572), _AGAIN),
    **dict.fromkeys((1022, 1062, 1169, 1557, 1586), _TAKEN),
    # out of range, too long, not an encoding, not JSON, a packet or a row above the server's limit
    **dict.fromkeys((1071, 1118, 1153, 1264, 1265, 1292, 1300, 1301, 1366, 1367, 1406, 1411, 1441, 1525, 1690), _VALUE),
    **dict.fromkeys((3140, 3141, 3143, 3146, 3156, 3903, 4038), _VALUE),
    # syntax, columns and values that do not pair, NOT NULL, no default, foreign keys, checks
    **dict.fromkeys((1048, 1064, 1136, 1149, 1216, 1217, 1364, 1451, 1452, 3819, 4025), _BUG),
}
"""MySQL and MariaDB. Not in here and so away, among others: 1021, 1114 disk or table full, 1030 the engine's error,
1040, 1203, 1226 connections, 1044, 1045, 1142 privileges, 1053 shutdown, 1146, 1054 no such table or column,
1290, 1792, 1836 read-only, 1317, 1969, 3024 interrupted or too slow, 1927, 2002–2055 the connection."""

SQLITE: dict[int, Meaning] = {
    sqlite3.SQLITE_LOCKED: _AGAIN,
    sqlite3.SQLITE_BUSY_SNAPSHOT: _AGAIN,
    sqlite3.SQLITE_CONSTRAINT: _BUG,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: _TAKEN,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: _TAKEN,
    sqlite3.SQLITE_CONSTRAINT_ROWID: _TAKEN,
    sqlite3.SQLITE_TOOBIG: _VALUE,
    sqlite3.SQLITE_MISMATCH: _VALUE,
    sqlite3.SQLITE_RANGE: _BUG,
    sqlite3.SQLITE_MISUSE: _BUG,
}
"""SQLite, by extended or primary code. Not in here and so away, among others: BUSY, READONLY, IOERR, CORRUPT, FULL,
CANTOPEN, NOTADB, and ERROR, which also says that there is no such table."""

_UNKEEPABLE = (UnicodeError, OverflowError)
"""Raised by the drivers themselves, before anything is sent: half of a surrogate pair, a number beyond 64 bits."""


def code_of(problem: BaseException) -> str:
    """The driver's own code for an error, or nothing."""
    if _driver_of(problem) != "pymysql" and (state := getattr(problem, "sqlstate", None)):
        return str(state)
    if name := getattr(problem, "sqlite_errorname", None):
        return str(name)
    first = problem.args[0] if problem.args else ""
    return str(first) if isinstance(first, int) else ""


def meaning_of(problem: BaseException) -> Meaning:
    """Meaning of a driver error (not SQLAlchemy's wrapper)."""
    if isinstance(problem, _UNKEEPABLE):
        return _VALUE
    kind, code = _driver_of(problem), code_of(problem)
    if kind == "sqlite3":
        number = getattr(problem, "sqlite_errorcode", None)
        if number is not None:
            return SQLITE.get(number) or SQLITE.get(number & 0xFF, _AWAY)
    elif kind == "psycopg" and code:
        return SQLSTATE.get(code) or SQLSTATE.get(code[:2], _AWAY)
    elif kind == "pymysql" and code:
        return MYSQL.get(int(code), _AWAY)
    return _without_code(problem)


def _without_code(problem: BaseException) -> Meaning:
    """Raised by the driver itself: it could not send a value, or lost its connection."""
    names = {base.__name__ for base in type(problem).__mro__}
    if "DataError" in names:
        return _VALUE
    if isinstance(problem, sqlite3.ProgrammingError) and "closed" in str(problem):
        return _AWAY
    return _VALUE if "ProgrammingError" in names else _AWAY  # a kind of value that the driver has no form for


def _driver_of(problem: Any) -> str:
    for base in type(problem).__mro__:
        if (root := base.__module__.partition(".")[0]) in ("sqlite3", "psycopg", "pymysql"):
            return root
    return ""
