"""Probes that the server runs itself: HTTP, TCP, ping, DNS, TLS and heartbeats."""
