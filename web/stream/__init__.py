"""`WS /ws/metrics`: values, alerts and page regions as they change, over one connection."""

__all__ = ["connection", "messages", "outbox", "socket", "sources"]
