"""The Prometheus HTTP API, for Grafana, promtool and curl.

Envelope, messages and status codes are those of Prometheus 3.

Source: Prometheus documentation, "HTTP API".
"""

__all__ = [
    "encoding",
    "envelope",
    "expressions",
    "federation",
    "parameters",
    "queries",
    "series",
]
