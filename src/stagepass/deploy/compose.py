"""`compose.yaml`: every role, its servers, and what stands in front of them."""

from typing import Any

from stagepass.deploy import nginx, prometheus
from stagepass.deploy.roles import PORT, Installation, Role
from stagepass.deploy.secrets import OPTIONAL, text_of
from stagepass.deploy.text import header, yaml

KIND = "compose"

Service = dict[str, Any]

_EVERY = {"restart": "unless-stopped", "logging": {"driver": "local", "options": {"max-size": "20m", "max-file": "5"}}}

_HARDENED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    return {
        "compose/compose.yaml": yaml(KIND, _project(made)),
        "compose/.env.example": _env(made),
        "compose/nginx.conf": nginx.conf(made, KIND, upstream=f"api:{PORT}", resolver="127.0.0.11", alone=True),
        "compose/prometheus.yml": prometheus.scrape(KIND, f"api:{PORT}"),
    }


def _project(made: Installation) -> dict[str, Any]:
    servers = _servers(made)
    services: dict[str, Service] = {**{name: service for name, (service, _) in servers.items()}}
    ready = {name: {"condition": "service_healthy"} for name in servers}
    services["migrate"] = _migrate(made, ready)
    begin = ready | {"migrate": {"condition": "service_completed_successfully"}}
    for role in made.running:
        services[role.name] = _role(made, role, begin)
    services |= _front(made)
    services |= _observers(made)
    volumes = [volume for _, volume in servers.values() if volume]
    volumes += ["files"] if "FILES_DIR" in made.api.settings else []
    return {
        "name": made.description.name,
        "services": services,
        "volumes": {volume: {} for volume in [*volumes, "prometheus", "grafana"]},
        "networks": {"inside": {}, "front": {}},
        "secrets": {"metrics_key": {"environment": "METRICS_KEY"}},
    }


# ── our own processes ──


def _role(made: Installation, role: Role, begin: dict[str, Any]) -> Service:
    service: Service = {
        "image": made.description.image,
        **_EVERY,
        **_HARDENED,
        "command": list(role.command),
        "environment": _environment(made, role),
        "depends_on": begin,
        "networks": ["inside", "front"] if role.kind == "api" else ["inside"],
        "stop_grace_period": f"{role.grace}s",
        "tmpfs": ["/tmp:mode=1777", "/data:mode=0700,uid=10001,gid=10001"],  # noqa: S108  (inside the container)
        "deploy": {
            "replicas": role.replicas,
            "resources": {"limits": {"cpus": _cpus(role.size.cpu), "memory": _bytes(role.size.memory)}},
        },
        "healthcheck": _health(role),
    }
    if "FILES_DIR" in role.settings:
        service["volumes"] = ["files:/files"]
    return service


def _migrate(made: Installation, ready: dict[str, Any]) -> Service:
    role = made.migrate
    return {
        "image": made.description.image,
        **_EVERY,
        "restart": "on-failure:5",
        **_HARDENED,
        **_build(made),
        "command": list(role.command),
        "environment": _environment(made, role),
        "depends_on": ready,
        "networks": ["inside"],
        "tmpfs": ["/tmp:mode=1777", "/data:mode=0700,uid=10001,gid=10001"],  # noqa: S108  (inside the container)
    }


def _build(made: Installation) -> Service:
    """Where the image is made, said once: `docker compose build`."""
    extras = ",".join(made.description.extras)
    return {"build": {"context": "../..", "dockerfile": "deploy/Dockerfile", "args": {"EXTRAS": extras}}}


def _environment(made: Installation, role: Role) -> dict[str, str]:
    """Its settings, then its own secrets, taken from `.env`."""
    own = {name: value.replace("$", "$$") for name, value in role.settings.items()}
    return own | {name: _secret(made, name) for name in role.secrets}


def _secret(made: Installation, name: str) -> str:
    known = _addresses(made)
    if name in known:
        return known[name]
    return f"${{{name}:-}}" if name in OPTIONAL else f"${{{name}:?set it in .env}}"


def _addresses(made: Installation) -> dict[str, str]:
    """The addresses of the servers that this file brings."""
    redis = "redis://:${REDIS_PASSWORD:?set it in .env}@redis:6379"
    found = {"REDIS_URL": f"{redis}/0"}
    if made.description.database == "postgresql":
        found["DATABASE_URL"] = "postgresql://stagepass:${POSTGRES_PASSWORD:?set it in .env}@postgres/stagepass"
    if made.description.database == "mariadb":
        found["DATABASE_URL"] = "mysql://stagepass:${MARIADB_PASSWORD:?set it in .env}@mariadb/stagepass"
    if made.description.broker == "rabbitmq":
        found["BROKER_URL"] = "amqp://stagepass:${RABBITMQ_PASSWORD:?set it in .env}@rabbitmq//"
    if made.description.broker == "redis":
        found["BROKER_URL"] = f"{redis}/1"
    return found


def _health(role: Role) -> dict[str, Any]:
    test = ["CMD", "stagepass", "health", *(["--role", role.kind] if not role.worker else [])]
    return {"test": test, "interval": "20s", "timeout": "10s", "retries": 3, "start_period": "30s"}


# ── servers ──


def _servers(made: Installation) -> dict[str, tuple[Service, str]]:
    """The servers that this installation brings, each with its volume."""
    found: dict[str, tuple[Service, str]] = {}
    if made.description.database == "postgresql":
        found["postgres"] = (_POSTGRES, "postgres")
    if made.description.database == "mariadb":
        found["mariadb"] = (_MARIADB, "mariadb")
    found["redis"] = (_redis(broker=made.description.broker == "redis"), "redis")
    if made.description.broker == "rabbitmq":
        found["rabbitmq"] = (_RABBITMQ, "rabbitmq")
    return found


def _check(*test: str) -> dict[str, Any]:
    return {"test": list(test), "interval": "5s", "timeout": "5s", "retries": 12, "start_period": "60s"}


_POSTGRES: Service = {
    "image": "postgres:17",
    **_EVERY,
    "environment": {
        "POSTGRES_USER": "stagepass",
        "POSTGRES_DB": "stagepass",
        "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:?set it in .env}",
    },
    "volumes": ["postgres:/var/lib/postgresql/data"],
    "networks": ["inside"],
    "shm_size": "256m",
    "stop_grace_period": "60s",
    "healthcheck": _check("CMD", "pg_isready", "-U", "stagepass", "-d", "stagepass"),
}

_MARIADB: Service = {
    "image": "mariadb:11.4",
    **_EVERY,
    "command": ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin"],
    "environment": {
        "MARIADB_USER": "stagepass",
        "MARIADB_DATABASE": "stagepass",
        "MARIADB_PASSWORD": "${MARIADB_PASSWORD:?set it in .env}",
        "MARIADB_RANDOM_ROOT_PASSWORD": "1",
    },
    "volumes": ["mariadb:/var/lib/mysql"],
    "networks": ["inside"],
    "stop_grace_period": "60s",
    "healthcheck": _check("CMD", "healthcheck.sh", "--connect", "--innodb_initialized"),
}

_RABBITMQ: Service = {
    "image": "rabbitmq:4-management",
    **_EVERY,
    "hostname": "rabbitmq",  # its data folder carries the host's name
    "environment": {
        "RABBITMQ_DEFAULT_USER": "stagepass",
        "RABBITMQ_DEFAULT_PASS": "${RABBITMQ_PASSWORD:?set it in .env}",
    },
    "volumes": ["rabbitmq:/var/lib/rabbitmq"],
    "networks": ["inside"],
    "stop_grace_period": "60s",
    "healthcheck": _check("CMD", "rabbitmq-diagnostics", "-q", "check_port_connectivity"),
}


def _redis(*, broker: bool) -> Service:
    """Bells must not be evicted where Redis carries them; it keeps nothing that SQL does not have."""
    command = ["redis-server", "--requirepass", "${REDIS_PASSWORD:?set it in .env}", "--maxmemory-policy", "noeviction"]
    return {
        "image": "redis:7.4",
        **_EVERY,
        "command": [*command, "--appendonly", "yes" if broker else "no"],
        "environment": {"REDISCLI_AUTH": "${REDIS_PASSWORD:?set it in .env}"},
        "volumes": ["redis:/data"],
        "networks": ["inside"],
        "stop_grace_period": "30s",
        "healthcheck": _check("CMD", "redis-cli", "ping"),
    }


# ── in front, and beside ──


def _front(made: Installation) -> dict[str, Service]:
    ports = ["80:80", "443:443"] if made.description.tls else ["80:80"]
    volumes = ["./nginx.conf:/etc/nginx/nginx.conf:ro"]
    volumes += ["./tls:/etc/nginx/tls:ro"] if made.description.tls else []
    return {
        "nginx": {
            "image": "nginx:1.28",
            **_EVERY,
            "ports": ports,
            "volumes": volumes,
            "networks": ["front"],
            "depends_on": {"api": {"condition": "service_healthy"}},
            "stop_grace_period": "15s",
            "healthcheck": _check("CMD", "nginx", "-t", "-q"),
        }
    }


def _observers(made: Installation) -> dict[str, Service]:
    """Flower, and behind the profile `observe` Prometheus with Grafana; all on this machine's loopback only."""
    flower = {
        "image": made.description.image,
        **_EVERY,
        **_HARDENED,
        "entrypoint": ["celery"],
        "command": ["-A", "stagepass.worker", "flower", "--address=0.0.0.0", "--port=5555"],
        "environment": {
            "BROKER_URL": _secret(made, "BROKER_URL"),
            "REDIS_URL": _secret(made, "REDIS_URL"),
            "DATABASE_URL": _secret(made, "DATABASE_URL"),
            "DATA_DIR": "/data",
            "FLOWER_BASIC_AUTH": "stagepass:${FLOWER_PASSWORD:?set it in .env}",
        },
        "tmpfs": ["/tmp:mode=1777", "/data:mode=0700,uid=10001,gid=10001"],  # noqa: S108  (inside the container)
        "profiles": ["observe"],
        "ports": ["127.0.0.1:5555:5555"],
        "networks": ["inside", "front"],
    }
    scraper = {
        "image": "prom/prometheus:v3.5.0",
        **_EVERY,
        "profiles": ["observe"],
        "secrets": ["metrics_key"],
        "volumes": [
            "./prometheus.yml:/etc/prometheus/prometheus.yml:ro",
            "../observe/rules.yaml:/etc/prometheus/rules.yaml:ro",
            "prometheus:/prometheus",
        ],
        "ports": ["127.0.0.1:9090:9090"],
        "networks": ["inside", "front"],
    }
    grafana = {
        "image": "grafana/grafana:12.1.0",
        **_EVERY,
        "profiles": ["observe"],
        "environment": {"GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_PASSWORD:?set it in .env}"},
        "volumes": [
            "../observe/grafana/datasources.yaml:/etc/grafana/provisioning/datasources/stagepass.yaml:ro",
            "../observe/grafana/dashboards.yaml:/etc/grafana/provisioning/dashboards/stagepass.yaml:ro",
            "../observe/dashboards:/etc/grafana/dashboards:ro",
            "grafana:/var/lib/grafana",
        ],
        "ports": ["127.0.0.1:3000:3000"],
        "networks": ["inside", "front"],
    }
    return {"flower": flower, "prometheus": scraper, "grafana": grafana}


# ── .env.example ──


def _env(made: Installation) -> str:
    lines = ["# copy to .env, fill in, keep private: chmod 600 .env"]
    for name in _asked(made):
        lines += ["", f"# {text_of(name)}", f"{name}="]
    return header(KIND) + "\n".join(lines) + "\n"


def _asked(made: Installation) -> list[str]:
    """Every variable that the file takes from `.env`."""
    description = made.description
    passwords = {"postgresql": ["POSTGRES_PASSWORD"], "mariadb": ["MARIADB_PASSWORD"]}.get(description.database, [])
    passwords += ["REDIS_PASSWORD"]
    passwords += ["RABBITMQ_PASSWORD"] if description.broker == "rabbitmq" else []
    brought = _addresses(made)
    return [*passwords, *(name for name in made.secrets if name not in brought), "FLOWER_PASSWORD", "GRAFANA_PASSWORD"]


def _cpus(cores: str) -> str:
    return f"{int(cores[:-1]) / 1000:g}" if cores.endswith("m") else cores


def _bytes(memory: str) -> str:
    """`768Mi` as Compose writes it: `768m`."""
    return memory[:-1].lower()
