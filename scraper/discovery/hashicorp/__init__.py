"""Discovery of services that are registered with HashiCorp's Consul and Nomad."""

__all__ = ["consul", "nomad"]
