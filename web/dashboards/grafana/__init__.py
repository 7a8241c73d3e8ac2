"""Grafana's JSON of dashboards: read, and written."""
