"""Scrape configuration: Redshank's own, and Prometheus's `prometheus.yml`."""

__all__ = ["prometheus_config", "settings", "static_targets"]
