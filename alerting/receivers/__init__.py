"""Receivers: where notifications are sent, one module for each kind.

A notification reaches every kind as the JSON text of a `webhook_body.WebhookBody`, the
form in which the outbox keeps it.
"""

__all__ = ["configured", "receiver", "webhook_body"]
