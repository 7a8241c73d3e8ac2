"""Messages of devices."""

__all__ = [
    "inbox",
    "message",
]
