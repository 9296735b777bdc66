"""What Prometheus and Grafana read: alert rules, dashboards, and how Grafana finds them."""

from stagepass.deploy.roles import Installation
from stagepass.deploy.text import yaml
from stagepass.observe import rules
from stagepass.observe.dashboards import DASHBOARDS, dashboard

KIND = "observe"


def files(made: Installation) -> dict[str, str]:
    """All files of this format, by path."""
    del made  # they are the same for every installation
    source = {"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "url": "http://prometheus:9090"}
    provider = {"name": "stagepass", "type": "file", "options": {"path": "/etc/grafana/dashboards"}}
    return {
        "observe/rules.yaml": yaml(KIND, rules.groups()),
        "observe/grafana/datasources.yaml": yaml(
            KIND, {"apiVersion": 1, "datasources": [source | {"isDefault": True}]}
        ),
        "observe/grafana/dashboards.yaml": yaml(KIND, {"apiVersion": 1, "providers": [provider]}),
        **{f"observe/dashboards/{name}.json": dashboard(name) + "\n" for name in DASHBOARDS},
    }
