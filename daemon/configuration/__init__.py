"""Reads, validates and reloads the server's configuration."""
