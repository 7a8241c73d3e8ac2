"""The web configuration file of Prometheus's exporters: TLS, headers, users, a request limit.

The exporter and the server serve HTTPS by the same file as node_exporter and Prometheus.

Source: prometheus/exporter-toolkit, "Web configuration".
"""

__all__ = ["document", "errors", "live", "names", "rate", "sections", "settings", "tls", "users"]
