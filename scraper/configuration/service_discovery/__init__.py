"""The `*_sd_configs` sections of a `prometheus.yml`, one module for each kind."""

__all__ = ["keys"]
