"""Prometheus's side: how it finds and reads /metrics."""

from stagepass.deploy.text import yaml


def scrape(kind: str, target: str) -> str:
    """A configuration that scrapes every replica behind a name.

    Args:
        target: `host:port`; the host may stand for several addresses.
    """
    host, _, port = target.rpartition(":")
    return yaml(
        kind,
        {
            "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
            "rule_files": ["/etc/prometheus/rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": "stagepass",
                    "authorization": {"credentials_file": "/run/secrets/metrics_key"},
                    "dns_sd_configs": [{"names": [host], "type": "A", "port": int(port), "refresh_interval": "10s"}],
                }
            ],
        },
    )
