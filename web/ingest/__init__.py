"""Endpoints for pushed samples."""

__all__ = [
    "gateway",
    "messages",
    "models",
    "remote_write",
    "reports",
]
