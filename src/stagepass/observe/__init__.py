"""What Prometheus and Grafana are told: the metrics, alert rules and dashboards, all from one catalogue."""
