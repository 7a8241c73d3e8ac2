"""Dashboards: panels with queries on a grid, variables, history, and Grafana's JSON."""
