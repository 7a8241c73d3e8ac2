"""Probes that the server runs, and public status pages."""
