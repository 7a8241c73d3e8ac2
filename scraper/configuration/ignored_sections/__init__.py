"""The sections of a `prometheus.yml` that have no effect in Redshank, validated like the others."""

__all__ = ["sections"]
