"""Receivers whose requests depend on what the service answers: Jira and WeChat Work."""
