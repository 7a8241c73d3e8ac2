"""The JSON API: hosts, alerts, accounts."""

__all__ = ["accounts", "alerts", "hosts", "status"]
