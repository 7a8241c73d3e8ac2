"""The Prometheus API about this server: state, metrics, administration of samples."""

__all__ = ["administration", "notifications", "probes", "status"]
