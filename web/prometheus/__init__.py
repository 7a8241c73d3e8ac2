"""The Prometheus HTTP API, so that Grafana, promtool and curl work unmodified.

Source: Prometheus documentation, "HTTP API"; envelope, texts and status codes as
Prometheus 3 sends them.
"""

__all__ = [
    "encoding",
    "envelope",
    "expressions",
    "federation",
    "parameters",
    "queries",
    "series",
    "status",
]
