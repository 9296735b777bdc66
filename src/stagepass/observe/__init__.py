"""What Prometheus and Grafana show: the metrics, alert rules and dashboards, all from one catalogue."""
