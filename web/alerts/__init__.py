"""Alerts: page and API."""
