"""Secrets by name: a template to fill in, or ExternalSecrets that fetch them."""

from stagepass.deploy.kubernetes.parts import Object, named, thing
from stagepass.deploy.roles import Installation
from stagepass.deploy.secrets import OPTIONAL, text_of
from stagepass.deploy.text import header


def reference(made: Installation, name: str, *, optional: bool) -> Object:
    """An environment variable that is taken from the Secret."""
    key: Object = {"name": named(made, "secrets"), "key": name}
    return {"name": name, "valueFrom": {"secretKeyRef": key | ({"optional": True} if optional else {})}}


def example(made: Installation) -> str:
    """A Secret to fill in; kustomize does not apply it."""
    lines = [
        "# fill in, apply once, and keep it out of git",
        "apiVersion: v1",
        "kind: Secret",
        "metadata:",
        f"  name: {named(made, 'secrets')}",
        f"  namespace: {made.description.name}",
        "type: Opaque",
        "stringData:",
    ]
    for name in made.secrets:
        lines += [f"  # {text_of(name)}{' (may stay away)' if name in OPTIONAL else ''}", f'  {name}: ""']
    return header("kubernetes") + "\n".join(lines) + "\n"


def external(made: Installation) -> list[Object]:
    """The same, fetched from a store by the External Secrets Operator."""
    name = named(made, "secrets")
    spec = {
        "refreshInterval": "1h",
        "secretStoreRef": {"kind": "ClusterSecretStore", "name": made.description.secret_store},
        "target": {"name": name, "creationPolicy": "Owner"},
        "data": [
            {"secretKey": key, "remoteRef": {"key": made.description.name, "property": key}}
            for key in made.secrets
            if key not in OPTIONAL
        ],
    }
    return [thing("external-secrets.io/v1", "ExternalSecret", name, spec)]
