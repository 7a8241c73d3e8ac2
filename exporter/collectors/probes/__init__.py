"""Probes of services from this host, and the expiry of certificates."""
