"""Deployments, the migration Job, and the volume for files."""

import hashlib
from typing import Any

from stagepass.deploy.kubernetes.parts import Object, labels, named, thing
from stagepass.deploy.kubernetes.secrets import reference
from stagepass.deploy.roles import PORT, Installation, Role
from stagepass.deploy.secrets import OPTIONAL

USER = 10001

_LIVE = "/health/live"
_READY = "/health/ready"


def deployment(made: Installation, role: Role) -> list[Object]:
    """A role's Deployment. A worker leaves only after its drain; a new one is there before an old one goes."""
    spec = {
        "replicas": role.replicas,
        "revisionHistoryLimit": 5,
        "selector": {"matchLabels": labels(made, role)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": labels(made, role)}, "spec": _pod(made, role)},
    }
    return [thing("apps/v1", "Deployment", named(made, role.name), spec)]


def migrate(made: Installation) -> list[Object]:
    """The Job that upgrades the schema; its name follows the image, since a Job cannot be changed.

    Processes of the new release end at their start until it is done, and are started again.
    """
    role = made.migrate
    release = hashlib.sha256(made.description.image.encode()).hexdigest()[:8]
    pod = _pod(made, role) | {"restartPolicy": "OnFailure"}
    spec = {
        "backoffLimit": 10,
        "activeDeadlineSeconds": 900,
        "ttlSecondsAfterFinished": 86400,
        "template": {"metadata": {"labels": labels(made, role)}, "spec": pod},
    }
    hook = {"annotations": {"argocd.argoproj.io/hook": "PreSync"}}
    return [thing("batch/v1", "Job", named(made, f"migrate-{release}"), spec, metadata=hook)]


def storage(made: Installation) -> list[Object]:
    """The shared volume of API and workers; none with `FILES_URL`."""
    if "FILES_DIR" not in made.api.settings:
        return []
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": made.description.files}}}
    return [thing("v1", "PersistentVolumeClaim", named(made, "files"), spec)]


def _pod(made: Installation, role: Role) -> Object:
    shared = "FILES_DIR" in role.settings
    volumes: list[Object] = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    if shared:
        volumes.append({"name": "files", "persistentVolumeClaim": {"claimName": named(made, "files")}})
    pod: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # its variables would be read as settings
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": role.grace + (5 if role.kind == "api" else 0),
        "containers": [_container(made, role, shared=shared)],
        "volumes": volumes,
    }
    if role.kind != "migrate":
        pod["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(made, role)},
            }
            for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        ]
    return pod


def _container(made: Installation, role: Role, *, shared: bool) -> Object:
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    size = {"cpu": role.size.cpu, "memory": role.size.memory}
    container: Object = {
        "name": role.kind,
        "image": made.description.image,
        "imagePullPolicy": "IfNotPresent",
        "args": list(role.command),
        "env": _environment(made, role),
        "resources": {"requests": size, "limits": {"memory": role.size.memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts + ([{"name": "files", "mountPath": "/files"}] if shared else []),
    }
    if role.kind == "api":
        # out of the Service first, then the signal: requests on their way still arrive
        container["ports"] = [{"name": "http", "containerPort": PORT}]
        container["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", "5"]}}}
    return container | _probes(role)


def _environment(made: Installation, role: Role) -> list[Object]:
    plain: list[Object] = [{"name": name, "value": value} for name, value in role.settings.items()]
    return plain + [reference(made, name, optional=name in OPTIONAL) for name in role.secrets]


def _probes(role: Role) -> dict[str, Any]:
    if role.kind == "migrate":
        return {}
    if role.kind == "api":

        def ask(path: str) -> Object:
            return {"httpGet": {"path": path, "port": "http", "httpHeaders": [{"name": "Host", "value": "localhost"}]}}

        return {
            "startupProbe": {**ask(_LIVE), "periodSeconds": 2, "failureThreshold": 60},
            "readinessProbe": {**ask(_READY), "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 2},
            "livenessProbe": {**ask(_LIVE), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
        }
    command = ["stagepass", "health", *(["--role", role.kind] if not role.worker else [])]
    probe = {"exec": {"command": command}, "timeoutSeconds": 10}
    return {
        "startupProbe": {**probe, "periodSeconds": 5, "failureThreshold": 36},
        "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 3},
    }
