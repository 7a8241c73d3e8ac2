"""Receivers, backups and rules that administrators manage while the server runs."""
