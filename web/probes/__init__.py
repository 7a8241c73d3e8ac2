"""Probes that the server runs: their pages, their API, and the URLs of heartbeats."""
