"""Kubernetes manifests: workloads, Secrets and ConfigMaps."""

from pathlib import Path
from typing import Any

from stagepass.doctor.manifests.command import read_command, words_of
from stagepass.doctor.manifests.lined import Lined, child
from stagepass.doctor.manifests.model import Deployment, Process, Value

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod", "CronJob")


def read(deployment: Deployment, document: Lined, file: Path) -> None:
    """One document."""
    kind, name = str(document.get("kind", "")), str(child(document, "metadata").get("name", ""))
    if kind in ("Secret", "ConfigMap"):
        keys = {**child(document, "data"), **child(document, "stringData")}
        deployment.secrets[f"{kind}/{name}"] = set(keys)
        _literal(deployment, document, file, kind)
    elif kind == "Service":
        deployment.services.add(name)
    elif kind in _WORKLOADS:
        _workload(deployment, document, file, kind, name)


def _literal(deployment: Deployment, document: Lined, file: Path, kind: str) -> None:
    """Values of a ConfigMap, or of a Secret that stands in plain text."""
    for part in ("stringData", *(("data",) if kind == "ConfigMap" else ())):
        given = child(document, part)
        for key, value in given.items():
            deployment.variables.append((str(file), given.lines[key], key, str(value)))


def _workload(deployment: Deployment, document: Lined, file: Path, kind: str, name: str) -> None:
    spec = child(document, "spec")
    if kind == "CronJob":
        spec = child(spec, "jobTemplate", "spec")
    pod = spec if kind == "Pod" else child(spec, "template", "spec")
    claims = {
        str(volume.get("name")): str(child(volume, "persistentVolumeClaim").get("claimName"))
        for volume in pod.get("volumes") or ()
        if isinstance(volume, Lined) and "persistentVolumeClaim" in volume
    }
    for container in pod.get("containers") or ():
        if isinstance(container, Lined):
            process = Process(name, str(file), container.line, "kubernetes", image=str(container.get("image", "")))
            _environment(deployment, process, container)
            read_command(process, [*words_of(container.get("command")), *words_of(container.get("args"))])
            grace = pod.get("terminationGracePeriodSeconds", 30)
            process.grace = float(grace) if isinstance(grace, int | float) else None
            process.probe = " ".join(map(str, child(container, "livenessProbe", "exec").get("command") or ()))
            replicas = spec.get("replicas", 1)
            process.replicas = replicas if isinstance(replicas, int) else 1
            process.restarts = pod.get("restartPolicy", "Always") != "Never"
            process.mounts = tuple(
                (claims[str(mount.get("name"))], str(mount.get("mountPath")))
                for mount in container.get("volumeMounts") or ()
                if isinstance(mount, Lined) and str(mount.get("name")) in claims
            )
            deployment.processes.append(process)


def _environment(deployment: Deployment, process: Process, container: Lined) -> None:
    for source in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if isinstance(source, Lined) and field in source:
                name = f"{kind}/{child(source, field).get('name')}"
                for key in deployment.secrets.get(name, ()):
                    process.environment[key] = Value(None, process.file, source.line, f"{name}/{key}")
                process.environment.setdefault("*", Value(None, process.file, source.line, name))
    for entry in container.get("env") or ():
        if isinstance(entry, Lined):
            process.environment[str(entry.get("name"))] = _value(entry, process.file)


def _value(entry: Lined, file: str) -> Value:
    if "value" in entry:
        return Value(str(entry["value"]), file, entry.line)
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        found: Any = child(entry, "valueFrom", field)
        if found:
            return Value(None, file, entry.line, f"{kind}/{found.get('name')}/{found.get('key')}")
    return Value(None, file, entry.line, "field")
