"""Reads the files that coding agents and gateways write on disk; no store, no network."""
