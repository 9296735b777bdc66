"""Reads files and folders, each by its name and its content."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from stagepass.doctor.manifests import compose, kubernetes, nginx, services
from stagepass.doctor.manifests.lined import documents
from stagepass.doctor.manifests.model import Deployment

SKIPPED = {".git", "node_modules", ".venv", "__pycache__", "templates"}

LARGEST = 2_000_000
"""Bytes of a file that is read."""


def read_manifests(paths: Sequence[Path]) -> Deployment:
    """Read these files, and the ones in these folders."""
    deployment = Deployment()
    found = sorted({file for path in paths for file in _files(path)}, key=_secrets_first)
    for file in found:
        text = file.read_text("utf-8", "replace")
        if _read(deployment, text, file):
            deployment.files.append(str(file))
    return deployment


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in path.rglob("*"):
        if file.is_file() and not SKIPPED & set(file.parts) and file.stat().st_size < LARGEST:
            yield file


def _secrets_first(file: Path) -> tuple[bool, str]:
    """Secrets and ConfigMaps before the workloads that name them."""
    return not any(word in file.name.lower() for word in ("secret", "config")), str(file)


def _read(deployment: Deployment, text: str, file: Path) -> bool:
    name = file.name
    if file.suffix in (".yaml", ".yml"):
        return _yaml(deployment, text, file)
    if name.startswith("Procfile"):
        services.read_procfile(deployment, text, file)
    elif file.suffix == ".service":
        services.read_systemd(deployment, text, file)
    elif "[program:" in text:
        services.read_supervisor(deployment, text, file)
    elif "proxy_pass" in text or "server {" in text:
        nginx.read(deployment, text, file)
    elif name.startswith(".env") or file.suffix == ".env" or name.endswith(".env.example"):
        services.read_variables(deployment, text, file)
    else:
        return False
    return True


def _yaml(deployment: Deployment, text: str, file: Path) -> bool:
    try:
        found = list(documents(text))
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        deployment.problems.append((str(file), mark.line + 1 if mark else 1, str(getattr(problem, "problem", problem))))
        return True
    for document in sorted(found, key=lambda one: one.get("kind") not in ("Secret", "ConfigMap")):
        if "services" in document and "kind" not in document:
            compose.read(deployment, document, file)
        elif "kind" in document:
            kubernetes.read(deployment, document, file)
    return bool(found)
