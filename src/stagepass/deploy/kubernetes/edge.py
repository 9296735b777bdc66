"""What stands around the pods: Service, Ingress, NetworkPolicies, and what Prometheus reads."""

from stagepass.deploy import nginx
from stagepass.deploy.kubernetes.parts import Object, labels, named, thing
from stagepass.deploy.roles import PORT, Installation
from stagepass.observe import rules

_METADATA_OF_CLOUDS = "169.254.0.0/16"


def service(made: Installation) -> list[Object]:
    """The API's Service."""
    spec = {"selector": labels(made, made.api), "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return [thing("v1", "Service", named(made, "api"), spec, metadata={"labels": labels(made, made.api)})]


def ingress(made: Installation) -> list[Object]:
    """The API at its host name: streams unbuffered, bodies as large as the API takes."""
    host = made.description.host
    annotations = {
        "nginx.ingress.kubernetes.io/proxy-buffering": "off",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
        "nginx.ingress.kubernetes.io/proxy-body-size": str(nginx.largest_form(made.description)),
        "nginx.ingress.kubernetes.io/limit-rps": "50",
    }
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": named(made, "api"), "port": {"name": "http"}}},
    }
    spec: Object = {"rules": [{"host": host, "http": {"paths": [path]}}]}
    if made.description.tls:
        spec["tls"] = [{"hosts": [host], "secretName": named(made, "tls")}]
    return [thing("networking.k8s.io/v1", "Ingress", named(made, "api"), spec, metadata={"annotations": annotations})]


def policies(made: Installation) -> list[Object]:
    """Nothing comes in but to the API; nothing goes out to the cloud's metadata service."""
    name = made.description.name
    everything = {"matchLabels": {"app.kubernetes.io/name": name}}
    out = [
        {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [_METADATA_OF_CLOUDS]}}]},
        {"to": [{"namespaceSelector": {}}]},
    ]
    closed = {"podSelector": everything, "policyTypes": ["Ingress", "Egress"], "egress": out}
    opened = {
        "podSelector": {"matchLabels": labels(made, made.api)},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": PORT}]}],
    }
    return [
        thing("networking.k8s.io/v1", "NetworkPolicy", named(made, "closed"), closed),
        thing("networking.k8s.io/v1", "NetworkPolicy", named(made, "api"), opened),
    ]


def service_monitor(made: Installation) -> list[Object]:
    """What the Prometheus Operator scrapes."""
    endpoint = {
        "port": "http",
        "path": "/metrics",
        "interval": "15s",
        "authorization": {"credentials": {"name": named(made, "secrets"), "key": "METRICS_KEY"}},
    }
    spec = {"selector": {"matchLabels": labels(made, made.api)}, "endpoints": [endpoint]}
    return [thing("monitoring.coreos.com/v1", "ServiceMonitor", named(made, "api"), spec)]


def alert_rules(made: Installation) -> list[Object]:
    """The alert rules, for the Prometheus Operator."""
    return [thing("monitoring.coreos.com/v1", "PrometheusRule", named(made, "alerts"), rules.groups())]
