"""Plain YAML for Kubernetes with kustomize: a base, components, overlays."""

from stagepass.deploy.kubernetes import autoscaling, edge, pods, secrets
from stagepass.deploy.roles import Installation
from stagepass.deploy.text import yaml

KIND = "kubernetes"


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    base = {"migrate.yaml": pods.migrate(made)}
    base["api.yaml"] = [*pods.deployment(made, made.api), *edge.service(made), *autoscaling.of_api(made)]
    base["relay.yaml"] = pods.deployment(made, made.relay)
    for role in made.workers:
        base[f"{role.name}.yaml"] = [*pods.deployment(made, role), *autoscaling.disruption(made, role)]
    base["edge.yaml"] = [*edge.ingress(made), *edge.policies(made)]
    if storage := pods.storage(made):
        base["files.yaml"] = storage
    components = {
        "keda": {"scaledobjects.yaml": autoscaling.scaled_objects(made)},
        "external-secrets": {"externalsecret.yaml": secrets.external(made)},
        "monitoring": {
            "servicemonitor.yaml": edge.service_monitor(made),
            "prometheusrule.yaml": edge.alert_rules(made),
        },
    }
    found = {f"kubernetes/base/{name}": yaml(KIND, *documents) for name, documents in base.items()}
    found["kubernetes/base/kustomization.yaml"] = yaml(KIND, _base(made, list(base)))
    for component, content in components.items():
        for name, documents in content.items():
            found[f"kubernetes/components/{component}/{name}"] = yaml(KIND, *documents)
        found[f"kubernetes/components/{component}/kustomization.yaml"] = yaml(KIND, _component(list(content)))
    found["kubernetes/secret.example.yaml"] = secrets.example(made)
    found["kubernetes/overlays/small/kustomization.yaml"] = yaml(KIND, _small(made))
    found["kubernetes/overlays/production/kustomization.yaml"] = yaml(KIND, _production(made, list(components)))
    return found


def _base(made: Installation, resources: list[str]) -> dict[str, object]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "labels": [
            {"pairs": {"app.kubernetes.io/part-of": made.description.name}, "includeTemplates": True},
        ],
        "resources": sorted(resources),
    }


def _component(resources: list[str]) -> dict[str, object]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": sorted(resources),
    }


def _small(made: Installation) -> dict[str, object]:
    """One of each, for a test cluster; what scales the API goes away with it."""
    name = made.description.name
    remove = "$patch: delete\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: {name}\n"
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": name,
        "resources": ["../../base"],
        "patches": [{"patch": remove.format(name=f"{name}-api")}],
        "replicas": [{"name": f"{name}-{role.name}", "count": 1} for role in made.running],
    }


def _production(made: Installation, components: list[str]) -> dict[str, object]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": made.description.name,
        "resources": ["../../base"],
        "components": [f"../../components/{component}" for component in components],
    }
