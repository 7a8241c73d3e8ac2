"""Alerting and recording rules: files, groups, evaluation, templates."""
