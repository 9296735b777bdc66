"""What each secret is for, and how to make one: the texts of `.env.example` and of the Secrets' templates."""

TEXTS = {
    "DATABASE_URL": "postgresql://user:password@host/name or mysql://user:password@host/name",
    "REDIS_URL": "redis://:password@host:6379/0",
    "BROKER_URL": "amqp://user:password@host// or redis://:password@host:6379/1",
    "SECRET_KEY": "signs links and callbacks, the same in every process: openssl rand -hex 32",
    "API_KEYS": "name:key pairs, separated by commas; a key: openssl rand -hex 24",
    "JWT_SECRET": "HMAC secret, or a PEM public key",
    "METRICS_KEY": "opens /metrics for Prometheus: openssl rand -hex 24",
    "ALERT_WEBHOOK_URL": "Slack incoming webhook for alerts",
    "POSTGRES_PASSWORD": "only letters and digits, since it stands in a URL: openssl rand -hex 24",
    "MARIADB_PASSWORD": "only letters and digits, since it stands in a URL: openssl rand -hex 24",
    "RABBITMQ_PASSWORD": "only letters and digits, since it stands in a URL: openssl rand -hex 24",
    "REDIS_PASSWORD": "only letters and digits, since it stands in a URL: openssl rand -hex 24",
    "FLOWER_PASSWORD": "opens Flower, as user stagepass: openssl rand -hex 24",
    "GRAFANA_PASSWORD": "opens Grafana, as user admin: openssl rand -hex 24",
}

OPTIONAL = frozenset({"ALERT_WEBHOOK_URL"})
"""Secrets without which a process starts."""


def text_of(name: str) -> str:
    """One line on a secret; providers' own keys are described in docs/providers.md."""
    return TEXTS.get(name, "a provider's key, see docs/providers.md")
