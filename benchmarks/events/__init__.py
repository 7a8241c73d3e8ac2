"""Events and tracked requests, measured beside PostgreSQL: `./run bench events`."""

__all__ = [
    "findings",
    "measurement",
]
