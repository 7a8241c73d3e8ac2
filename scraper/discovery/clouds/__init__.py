"""Discovery of the machines of cloud providers."""

__all__ = ["azure", "digitalocean", "ec2", "gce", "hetzner", "openstack"]
