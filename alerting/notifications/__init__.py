"""Notifications: from the state change of an alert to the delivery.

The pipeline turns a state change into notifications of the outbox; `delivery` sends
them from there to the receivers.
"""

__all__ = ["delivery", "notice", "pipeline", "stages", "trial"]
