"""Installs the one-file exporter as a service of systemd, and removes it again."""
