"""Saved views of the fleet of hosts."""
