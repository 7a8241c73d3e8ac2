"""Scrape configuration: Redshank's own, and Prometheus's `prometheus.yml`."""
