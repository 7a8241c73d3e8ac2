"""Dashboards: what is stored of them, and the contract of their records."""
