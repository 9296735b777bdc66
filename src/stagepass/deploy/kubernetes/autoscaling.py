"""How many replicas there are: by processor time for the API, by work in hand and waiting for workers."""

from stagepass.deploy.kubernetes.parts import Object, labels, named, thing
from stagepass.deploy.roles import Installation, Role


def of_api(made: Installation) -> list[Object]:
    """Autoscaling of the API by processor time, and its share of a node's drain."""
    role = made.api
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": named(made, role.name)},
        "minReplicas": max(role.replicas, 1),
        "maxReplicas": role.most,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            }
        ],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
    }
    return [
        thing("autoscaling/v2", "HorizontalPodAutoscaler", named(made, role.name), spec),
        *disruption(made, role),
    ]


def disruption(made: Installation, role: Role) -> list[Object]:
    """A drain of nodes takes one pod of a role at a time."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": labels(made, role)}}
    return [thing("policy/v1", "PodDisruptionBudget", named(made, role.name), spec)]


def scaled_objects(made: Installation) -> list[Object]:
    """Workers by ready **and** running stage runs per slot: by backlog alone they would leave while work runs."""
    return [_scaled(made, role) for role in made.workers]


def _scaled(made: Installation, role: Role) -> Object:
    queues = "|".join(queue.replace(".", r"\.") for queue in role.queues)
    # every API replica exports the same numbers of the whole database: the largest, never the sum over replicas
    runs = f'max by (queue, state) (stagepass_stage_runs{{queue=~"{queues}",state=~"ready|running"}})'
    spec = {
        "scaleTargetRef": {"name": named(made, role.name)},
        "minReplicaCount": role.replicas,
        "maxReplicaCount": role.most,
        "cooldownPeriod": 300,
        "pollingInterval": 15,
        "fallback": {"failureThreshold": 3, "replicas": max(role.replicas, 1)},
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}}}},
        "triggers": [
            {
                "type": "prometheus",
                "metadata": {
                    "serverAddress": made.description.prometheus,
                    "query": f"sum({runs})",
                    "threshold": str(role.slots),
                },
            }
        ],
    }
    return thing("keda.sh/v1alpha1", "ScaledObject", named(made, role.name), spec)
