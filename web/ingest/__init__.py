"""Endpoints for pushed samples."""

__all__ = [
    "gateway",
    "messages",
    "models",
    "otlp",
    "remote_write",
    "reports",
]
