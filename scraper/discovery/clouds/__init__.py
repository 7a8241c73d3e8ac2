"""Discovery of the machines of cloud providers."""

__all__ = ["digitalocean", "ec2", "gce", "hetzner"]
