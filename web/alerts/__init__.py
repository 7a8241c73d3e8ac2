"""Alerts and notifications as pages and API."""
