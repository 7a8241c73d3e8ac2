"""Serves the exporter's metrics over HTTP."""
