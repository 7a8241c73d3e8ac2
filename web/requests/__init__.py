"""Tracked API requests under `/api/v1/`, as api-analytics-service has them."""
