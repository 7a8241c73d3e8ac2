"""Takes pushed samples, appends them as vectors, and acknowledges them once durable."""

__all__ = [
    "devices",
    "errors",
    "gateway",
    "hosts",
    "limits",
    "otlp",
    "remote_write",
    "series",
    "settings",
    "wire",
]
