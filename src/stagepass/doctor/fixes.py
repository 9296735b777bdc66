"""The exact commands and lines that mend something, by the kind of service."""

import shlex
from urllib.parse import urlsplit

from sqlalchemy.engine import URL

from stagepass.doctor.facts import BrokerFacts
from stagepass.doctor.presence import without_password
from stagepass.queue.app import EXCHANGE
from stagepass.settings import Settings
from stagepass.store import connect

_NOT_READ = {"relay": ("SECRET_KEY", "PUBLIC_URL", "PROVIDER_LIMITS"), "api": (), "worker": ()}
"""By role: settings that must be alike and that this role does not read."""

SECRET = ("SECRET_KEY",)


def read_by(role: str, name: str) -> bool:
    """Whether a role reads a setting."""
    return name not in _NOT_READ.get(role, ())


def value_here(settings: Settings, name: str) -> str:
    """A setting's value as it may be shown: without passwords, and no secret."""
    if name in SECRET:
        return "…"
    value = getattr(settings, name.lower())
    text = "" if value is None else str(value)
    return without_password(text) if "://" in text else text


def shown(url: str) -> str:
    """A URL without its password."""
    return without_password(url) if url else "-"


def redis_url(settings: Settings) -> str:
    """Where Redis is; the embedded one by its folder, which is not made for it."""
    return settings.redis_url or f"unix://{settings.data_dir}/redis"


def broker_url(settings: Settings) -> str:
    return settings.broker_url or redis_url(settings)


def start_service(url: str) -> str:
    """Start the server of a URL: on this machine, or a look at the way to another one."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme.startswith(("unix", "sqlite")) or not host:
        return "stagepass up"
    names = {"postgresql": ("postgresql", 5432), "mysql": ("mariadb", 3306), "mariadb": ("mariadb", 3306)}
    names |= {"redis": ("redis-server", 6379), "rediss": ("redis-server", 6379)}
    names |= {"amqp": ("rabbitmq-server", 5672), "amqps": ("rabbitmq-server", 5671)}
    service, usual = names.get(parts.scheme.split("+")[0], ("", 0))
    if host in ("127.0.0.1", "localhost", "::1") and service and port in (None, usual):
        return f"systemctl start {service}"
    return f"nc -vz {host} {port or usual}"


# ── databases ──


def _parsed(url: str) -> URL:
    return connect.parse(url)


def sql(url: str, statement: str) -> str:
    """A statement for the database's own client."""
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return f"sqlite3 {shlex.quote(str(parsed.database))} {shlex.quote(statement)}"
    where = f"-h {parsed.host or '127.0.0.1'}" + (
        f" -u {parsed.username}" if kind == "mysql" and parsed.username else ""
    )
    if kind == "mysql":
        port = f" -P {parsed.port}" if parsed.port else ""
        return f"mariadb {where}{port} {parsed.database} -e {shlex.quote(statement)}"
    return f"psql {shlex.quote(shown_plain(parsed))} -c {shlex.quote(statement)}"


def shown_plain(parsed: URL) -> str:
    return parsed.set(drivername="postgresql", password=None).render_as_string()


def example(url: str) -> str:
    """The same URL with a place for the right user and password."""
    parsed = _parsed(url)
    return f"{parsed.get_backend_name()}://USER:PASSWORD@{parsed.host}{f':{parsed.port}' if parsed.port else ''}/{parsed.database}"


def create_database(url: str, *, utf8: bool = False) -> str:
    """Create the database that the URL names; with `utf8`, one beside it."""
    parsed = _parsed(url)
    name = f"{parsed.database}_utf8" if utf8 else str(parsed.database)
    if parsed.get_backend_name() == "mysql":
        return sql(url, f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin").replace(
            f" {parsed.database} -e", " -e"
        )
    where = f"-h {parsed.host or '127.0.0.1'}" + (f" -p {parsed.port}" if parsed.port else "")
    who = f" -U {parsed.username}" if parsed.username else ""
    return f"createdb {where}{who} -E UTF8 -T template0 {name}"


def more_connections(url: str, most: int) -> str:
    """Raise the limit; PostgreSQL takes it at its next start."""
    if _parsed(url).get_backend_name() == "mysql":
        return sql(url, f"SET GLOBAL max_connections = {most * 2}")
    return sql(url, f"ALTER SYSTEM SET max_connections = {most * 2}")


def writable(url: str) -> str:
    """Let a database take writes again."""
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return f"chmod u+w {shlex.quote(str(parsed.database))}"
    if kind == "mysql":
        return sql(url, "SET GLOBAL read_only = OFF")
    return sql(url, f"ALTER DATABASE {parsed.database} SET default_transaction_read_only = off")


# ── Redis and RabbitMQ ──


def redis_cli(settings: Settings, command: str) -> str:
    """A command for Redis."""
    url = settings.redis_url
    if not url or url.startswith("unix://"):
        path = url.removeprefix("unix://").partition("?")[0] or f"{settings.data_dir}/redis.sock"
        return f"redis-cli -s {shlex.quote(path)} {command}"
    return f"redis-cli -u {shlex.quote(without_password(url))} {command}"


def remove_queue(broker: BrokerFacts, queue: str, settings: Settings) -> str:
    """Delete a queue of bells: what it rang for stands in the database."""
    if broker.kind == "rabbitmq":
        return f"rabbitmqctl delete_queue -p {shlex.quote(broker.vhost)} {queue}"
    url = settings.broker_url or settings.redis_url
    return f"redis-cli -u {shlex.quote(without_password(url))} del stagepass:{queue}"


def remove_exchange(broker: BrokerFacts) -> str:
    """Delete the exchange; the next process declares it as it should be."""
    code = (
        f'rabbit_exchange:delete(rabbit_misc:r(<<"{broker.vhost}">>, exchange, <<"{EXCHANGE}">>), false, <<"doctor">>).'
    )
    return f"rabbitmqctl eval {shlex.quote(code)}"


def user_command(broker: BrokerFacts) -> str:
    """Set the user's password in RabbitMQ; in Redis it is the URL that is wrong."""
    if broker.kind == "rabbitmq":
        return f"rabbitmqctl change_password {shlex.quote(broker.user or 'USER')} PASSWORD"
    return "BROKER_URL=redis://:PASSWORD@host:6379/1"


def vhost_command(broker: BrokerFacts) -> str:
    """Create the virtual host, or let the user use it."""
    vhost, user = shlex.quote(broker.vhost), shlex.quote(broker.user or "guest")
    rights = f"rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'"
    if broker.refused is not None and broker.refused.kind == "rights":
        return rights
    return f"rabbitmqctl add_vhost {vhost} && {rights}"
