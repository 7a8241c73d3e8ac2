"""Probes of services: their definitions, findings and messages, for the server and the exporter."""
