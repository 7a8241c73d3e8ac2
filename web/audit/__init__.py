"""The audit log: page and API."""
