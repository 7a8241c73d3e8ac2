"""The command palette: finds hosts, pages, metrics, alerts, dashboards and actions by name."""
