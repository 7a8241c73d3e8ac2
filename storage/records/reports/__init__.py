"""Saved reports and segments of projects."""
