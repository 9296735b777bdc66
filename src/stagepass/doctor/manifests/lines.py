"""The lines that mend a manifest, as each kind of file has them."""

from stagepass.doctor.manifests.model import Process


def add_queue(process: Process, queue: str) -> str:
    """The command of a process with one more queue."""
    if process.role != "worker" or "*" in process.queues:
        return f"stagepass worker {queue}"
    words = list(process.command)
    place = max((n for n, word in enumerate(words) if word in process.queues), default=len(words) - 1)
    if any("," in word and set(word.split(",")) == set(process.queues) for word in words) or "-Q" in words:
        return " ".join(f"{word},{queue}" if word == ",".join(process.queues) else word for word in words)
    return " ".join([*words[: place + 1], queue, *words[place + 1 :]])


def another(process: Process, command: str) -> str:
    """A further process, as its kind of file has it."""
    match process.kind:
        case "procfile":
            return f"{command}: stagepass {command}"
        case "compose":
            return (
                f"{command}: {{image: {process.image or 'stagepass'}, command: [{command}], restart: unless-stopped}}"
            )
        case "supervisor":
            return f"[program:{command}] command=stagepass {command}"
        case "systemd":
            return f"ExecStart=stagepass {command}"
    return f"args: [{command}]"


def grace_line(process: Process, seconds: int) -> str:
    lines = {
        "compose": f"stop_grace_period: {seconds}s",
        "kubernetes": f"terminationGracePeriodSeconds: {seconds}",
        "supervisor": f"stopwaitsecs={seconds}",
        "systemd": f"TimeoutStopSec={seconds}",
    }
    return lines.get(process.kind, f"DRAIN_SECONDS={max(0, seconds - 10)}")


def restart_line(process: Process) -> str:
    lines = {
        "compose": "restart: unless-stopped",
        "kubernetes": "restartPolicy: Always",
        "supervisor": "autorestart=true",
    }
    return lines.get(process.kind, "Restart=always")


def pool_line(process: Process) -> str:
    """Its command with threads."""
    words = [("threads" if word == process.pool else word) for word in process.command]
    words = [word.replace(f"={process.pool}", "=threads") for word in words]
    return (
        " ".join(words)
        if words != process.command
        else " ".join([*words, "-P" if "celery" in " ".join(words) else "--pool", "threads"])
    )


def from_store(process: Process, name: str) -> str:
    """The same variable, taken from where secrets are kept."""
    lines = {
        "compose": f"{name}: ${{{name}:?set it in .env}}",
        "kubernetes": f"valueFrom: {{secretKeyRef: {{name: stagepass-secrets, key: {name}}}}}",
        "supervisor": f'{name}="%(ENV_{name})s"',
        "systemd": "EnvironmentFile=/etc/stagepass/secrets.env",
    }
    return lines.get(process.kind, name)
