"""Read models: figures and results made from records, shared by the API, the CLI, alerts and pipelines."""
