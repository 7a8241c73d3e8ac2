"""Alerts on their way to external Alertmanagers, as Prometheus sends them."""
