"""Alertmanager's API v2, so that its clients use Redshank as their Alertmanager."""

__all__ = ["alerts_api", "silences_api"]
