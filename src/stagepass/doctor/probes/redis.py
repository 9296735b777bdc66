"""A Redis server: its role, what it evicts, its room, and whether it takes writes."""

import redis

from stagepass.bus.connect import sync_client
from stagepass.doctor.facts import RedisFacts, Refusal


def look(url: str) -> RedisFacts:
    """Look at the server of this URL."""
    client = sync_client(url, timeout=1.5)
    try:
        info = client.info()
    except redis.AuthenticationError as problem:
        return RedisFacts(refused=Refusal("login", str(problem)))
    except redis.ResponseError as problem:
        kind = "login" if "NOAUTH" in str(problem) or "WRONGPASS" in str(problem) else "rights"
        return RedisFacts(refused=Refusal(kind, str(problem)))
    except (redis.RedisError, OSError) as problem:
        return RedisFacts(refused=Refusal("away", f"{type(problem).__name__}: {problem}"[:300]))
    finally:
        client.close()
    return RedisFacts(
        role=info.get("role", "master"),
        version=str(info.get("valkey_version") or info.get("redis_version", "")),
        policy=info.get("maxmemory_policy", "noeviction"),
        memory=int(info.get("used_memory", 0)),
        most_memory=int(info.get("maxmemory", 0)),
        clients=int(info.get("connected_clients", 0)),
        most_clients=int(info.get("maxclients", 0)),
        save_failed=info.get("rdb_last_bgsave_status", "ok") != "ok" or info.get("aof_last_write_status", "ok") != "ok",
        cluster=bool(info.get("cluster_enabled", 0)),
        primary=f"{info.get('master_host', '')}:{info.get('master_port', '')}",
    )
